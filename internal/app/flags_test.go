package app

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/config"
)

// flagsFile is a file with one flag, that gives on or off.
func flagsFile(key, to string) string {
	return fmt.Sprintf("%s: {variations: {\"on\": true, \"off\": false}, defaultRule: {variation: \"%s\"}}\n", key, to)
}

func TestFlagsStartReloadAndStay(t *testing.T) {
	dir := t.TempDir()
	opts := options(t)
	write(t, filepath.Join(dir, "a.yaml"), flagsFile("filed", "on"))
	opts.ConfigFile = write(t, filepath.Join(dir, "tidemark.yml"), "flags: {files: [{path: a.yaml}]}\n")
	a := start(t, opts)
	value := func(a *running, environment, key string) any {
		t.Helper()
		set, ok := a.flags.Set(environment)
		require.True(t, ok)
		return set.Evaluate(key, nil).Value
	}
	require.Equal(t, true, value(a, "production", "filed"), "it is there when the start is over")
	_, metrics := a.get("/metrics")
	require.Contains(t, metrics, `tidemark_flags{environment="production"} 1`)
	require.Contains(t, metrics, fmt.Sprintf(`tidemark_flag_file_ok{environment="production",path=%q} 1`, filepath.Join(dir, "a.yaml")))

	d, err := flag.ParseDefinition("", []byte(`{"variations":{"on":true,"off":false},"defaultRule":{"variation":"on"}}`), flag.JSON)
	require.NoError(t, err)
	request := control.Request{ID: control.ID{Environment: "staging", Key: "own"}, Author: control.Author{By: "ann"}}
	_, err = a.flags.Write(t.Context(), request, control.Put(d))
	require.ErrorContains(t, err, `no environment "staging"`)

	// A reload that is refused changes nothing, and one that is not all.
	write(t, filepath.Join(dir, "b.yaml"), flagsFile("second", "on"))
	next := "flags: {environments: [production, staging], require_reason: [staging], files: [{path: b.yaml}]}\n"
	write(t, opts.ConfigFile, next+"global: {query_log_file: /missing/folder/queries.log}\n")
	require.Error(t, a.Reload(t.Context()))
	require.Equal(t, []string{"production"}, a.flags.Environments())
	set, _ := a.flags.Set("production")
	require.Equal(t, []string{"filed"}, set.Keys())
	write(t, opts.ConfigFile, next)
	require.NoError(t, a.Reload(t.Context()))
	require.Equal(t, true, value(a, "production", "second"))
	require.Equal(t, true, value(a, "production", "filed"), "it stays, and is the API's")
	_, err = a.flags.Write(t.Context(), request, control.Put(d))
	require.ErrorContains(t, err, "reason")
	request.Reason = "because"
	_, err = a.flags.Write(t.Context(), request, control.Put(d))
	require.NoError(t, err)
	code, body := a.get("/api/v1/changes?kind=flag")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `"because"`)

	a.end()
	require.NoError(t, os.Remove(filepath.Join(dir, "b.yaml")))
	again := start(t, opts)
	require.Equal(t, true, value(again, "staging", "own"))
	require.Equal(t, true, value(again, "production", "second"), "the last good one stays")
	require.False(t, again.flagFiles.Status()[0].OK)
}

func TestAnEnvironmentIsNeverThereWithoutItsRole(t *testing.T) {
	opts := options(t)
	const before = "flags: {environments: [staging], default_environment: staging}\n"
	const after = "flags: {environments: [staging, production], default_environment: staging}\nauth: {environments: {production: admin}}\n"
	opts.ConfigFile = write(t, filepath.Join(t.TempDir(), "tidemark.yml"), before)
	tokens, err := auth.OpenTokens(t.Context(), filepath.Join(opts.StoragePath, "auth.db"))
	require.NoError(t, err)
	token, _, err := tokens.Create(t.Context(), "robot", auth.Operator, time.Time{})
	require.NoError(t, err)
	require.NoError(t, tokens.Close())
	a := start(t, opts)
	put := func(key string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, a.URL()+"/api/v1/flags/"+key+"?environment=production",
			strings.NewReader(`{"definition":{"variations":{"on":true,"off":false},"defaultRule":{"variation":"on"}}}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := a.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusNotFound, put("a"))

	// Whoever comes while the reload is under way, after the environment is there.
	var during []int
	var refuse error
	at := len(a.parts)
	for _, place := range []int{at, at - 1} {
		probe := reloader{"probe", func(*config.Config) error {
			during = append(during, put("a"))
			return refuse
		}}
		a.parts = append(a.parts[:place:place], append([]reloader{probe}, a.parts[place:]...)...)
	}
	reload := func(text string, want ...int) {
		t.Helper()
		during = nil
		write(t, opts.ConfigFile, text)
		require.NoError(t, a.Reload(t.Context()))
		require.Equal(t, want, during)
	}
	reload(after, http.StatusForbidden, http.StatusForbidden)
	require.Equal(t, http.StatusForbidden, put("a"))
	reload(before, http.StatusForbidden, http.StatusForbidden)
	require.Equal(t, http.StatusNotFound, put("a"))

	// A reload that is refused gives the roles back.
	refuse = errors.New("refused")
	write(t, opts.ConfigFile, after)
	require.ErrorIs(t, a.Reload(t.Context()), refuse)
	require.Equal(t, http.StatusNotFound, put("a"))
	require.Equal(t, auth.Operator, a.environmentNeeds("production"))
}
