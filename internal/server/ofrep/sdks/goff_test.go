//go:build e2e

package sdks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/thomaspoignant/go-feature-flag/modules/core/evaluation"
	"github.com/thomaspoignant/go-feature-flag/modules/core/ffcontext"
	library "github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// inProcess evaluates flags as GO Feature Flag's Go provider does in process: it
// asks for their configuration, and for a newer one by its entity tag, gives it to
// the library, and reports what it evaluated. The provider's own module, in the
// versions that do so, is not to be had from every module proxy; the requests
// are those of its package api, and the library is its own.
type inProcess struct {
	td    *tidemark
	base  string
	flags map[string]library.InternalFlag
	etag  string
	made  []map[string]any
}

// post sends a request as the provider does.
func (p *inProcess) post(path string, body any, etag string) (*http.Response, []byte) {
	p.td.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(p.td.t, err)
	req, err := http.NewRequest(http.MethodPost, p.base+path, bytes.NewReader(text))
	require.NoError(p.td.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", p.td.viewer)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.td.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(p.td.t, err)
	return resp, answer
}

// load takes over a newer configuration, and reports whether there was one.
func (p *inProcess) load() bool {
	p.td.t.Helper()
	resp, body := p.post("/v1/flag/configuration", map[string]any{}, p.etag)
	if resp.StatusCode == http.StatusNotModified {
		return false
	}
	require.Equal(p.td.t, http.StatusOK, resp.StatusCode, string(body))
	var got struct {
		Flags map[string]library.InternalFlag `json:"flags"`
	}
	require.NoError(p.td.t, json.Unmarshal(body, &got))
	require.NotEmpty(p.td.t, resp.Header.Get("Last-Updated"))
	p.flags, p.etag = got.Flags, resp.Header.Get("ETag")
	return true
}

// evaluate returns the variation that the library gives, and remembers it.
func (p *inProcess) evaluate(key, person string, attributes map[string]any) string {
	p.td.t.Helper()
	f, ok := p.flags[key]
	require.True(p.td.t, ok, key)
	b := ffcontext.NewEvaluationContextBuilder(person)
	for name, value := range attributes {
		b.AddCustom(name, value)
	}
	result, err := evaluation.Evaluate[any](&f, key, b.Build(), library.Context{}, "object", nil)
	require.NoError(p.td.t, err)
	p.made = append(p.made, map[string]any{"kind": "feature", "contextKind": "user", "userKey": person, "key": key,
		"variation": result.VariationType, "value": result.Value, "default": false, "source": "INPROCESS"})
	return result.VariationType
}

func TestGoFeatureFlagInProcess(t *testing.T) {
	td := start(t)
	p := &inProcess{td: td, base: td.url}
	require.True(t, p.load())
	require.False(t, p.load(), "nothing changed")

	// It answers as Tidemark does, to the bucket.
	in := 0
	for i := range 200 {
		person, beta := fmt.Sprintf("person-%d", i), i%3 == 0
		remote := td.remote(person, beta)
		for _, key := range []string{"banner", "cohort", "colour", "layout", "limit", "ratio", "steps"} {
			require.Equal(t, remote[key], p.evaluate(key, person, map[string]any{"beta": beta}), "%s for %s", key, person)
		}
		if remote["cohort"] == "in" {
			in++
		}
	}
	require.InDelta(t, 100, in, 40)

	resp, body := p.post("/v1/data/collector", map[string]any{"events": p.made, "meta": map[string]any{"provider": "go"}}, "")
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	require.JSONEq(t, `{"ingestedContentCount":1400}`, string(body))
	require.Contains(t, td.scrape(), `feature_flag_key="limit",feature_flag_result_variant="few",feature_flag_result_reason="unknown"} 200`)

	td.flip("limit", "many")
	require.True(t, p.load(), "a flip is a newer configuration")
	require.Equal(t, "many", p.evaluate("limit", "ann", nil))

	staging := &inProcess{td: td, base: td.url + "/environments/staging"}
	require.True(t, staging.load())
	require.Empty(t, staging.flags)
}

// remote returns the variations that Tidemark gives, by the flags' keys.
func (td *tidemark) remote(person string, beta bool) map[string]string {
	td.t.Helper()
	p := &inProcess{td: td, base: td.url}
	resp, body := p.post("/ofrep/v1/evaluate/flags", map[string]any{"context": map[string]any{"targetingKey": person, "beta": beta}}, "")
	require.Equal(td.t, http.StatusOK, resp.StatusCode, string(body))
	var got struct {
		Flags []struct{ Key, Variant string }
	}
	require.NoError(td.t, json.Unmarshal(body, &got))
	variants := map[string]string{}
	for _, f := range got.Flags {
		variants[f.Key] = f.Variant
	}
	return variants
}
