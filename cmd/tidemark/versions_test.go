//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// targetApp is a target that says its version, as Prometheus' client libraries do.
type targetApp struct {
	*httptest.Server
	version atomic.Pointer[string]
}

func newApp(t *testing.T, version string) *targetApp {
	a := &targetApp{}
	a.version.Store(&version)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE web_build_info gauge\nweb_build_info{version=%q,revision=\"f95f852bd8fca8fcc58a9a2d6c842781e32a215e\"} 1\n", *a.version.Load())
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *targetApp) run(version string) { a.version.Store(&version) }

// A version that comes to the targets one after the other is one deploy, which CI and GitHub
// may tell of as well, and which goes on while Tidemark is killed.
func TestVersionsThatAreSeen(t *testing.T) {
	apps := []*targetApp{newApp(t, "1.0.0"), newApp(t, "1.0.0")}
	var targets []string
	for _, a := range apps {
		targets = append(targets, strings.TrimPrefix(a.URL, "http://"))
	}
	dir, data := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(dir, "secret"), hookSecret)
	file := writeFile(t, filepath.Join(dir, "tidemark.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s}
host: {enabled: false}
hooks: {github: {sender: github, secret_file: secret}}
scrape_configs: [{job_name: web, static_configs: [{targets: [%s], labels: {environment: production}}]}]
`, strings.Join(targets, ", ")))
	again := func() *tidemark { return serve(t, "--storage.path="+data, "--config.file="+file) }
	s := again()
	deploys := func(query string) (list []annotate.Change) {
		var page struct{ Changes []annotate.Change }
		require.NoError(t, json.Unmarshal([]byte(s.get("/api/v1/changes?kind=deploy&service=web"+query)), &page))
		return page.Changes
	}
	waitDeploy := func(right func(annotate.Change) bool) annotate.Change {
		t.Helper()
		var c annotate.Change
		require.Eventually(t, func() bool {
			all := deploys("")
			if len(all) == 0 {
				return false
			}
			c = all[0]
			return right(c)
		}, patience, 100*time.Millisecond)
		return c
	}
	// What runs is known once a look has kept it.
	require.Eventually(t, func() bool { return number(s.value("tidemark_version_watch_targets")) >= 2 }, patience, 100*time.Millisecond)
	require.Empty(t, deploys(""))

	apps[0].run("1.1.0")
	c := waitDeploy(func(c annotate.Change) bool { return c.Labels["rollout"] == "1/2" })
	require.Equal(t, []string{"running", "1.1.0", "1.0.0", "production", "false"}, []string{string(c.Status), c.Version, c.PreviousVersion, c.Environment, c.Labels["told"]})
	require.Len(t, deploys("&label.told=false"), 1)

	require.NoError(t, s.cmd.Process.Signal(syscall.SIGKILL))
	<-s.exited
	s = again()
	apps[1].run("1.1.0")
	waitDeploy(func(c annotate.Change) bool { return c.Status == annotate.Succeeded && c.Labels["rollout"] == "2/2" })

	began := time.Now().Add(-2 * time.Minute)
	_, ok := deliver(t.Context(), s.url, "github", "deployment_status", deploymentStatus(1, "success", began, time.Now()))
	require.True(t, ok)
	told := waitDeploy(func(c annotate.Change) bool { return c.Labels["told"] == "true" })
	require.Equal(t, c.ID, told.ID)
	require.Equal(t, "github", told.Source)
	require.Equal(t, "alice", told.Who.Name)
	require.Len(t, deploys(""), 1, "one deploy is one line")
}
