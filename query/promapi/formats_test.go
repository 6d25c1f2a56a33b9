package promapi_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/query/promapi/columns"
)

// plugin is what Tidemark's Grafana data source sends.
const plugin = columns.MediaType + ", application/json;q=0.9, application/problem+json"

// TestFormats: columns are for whoever asks for them by name, where they can
// hold the answer; everybody else sees Prometheus' JSON.
func TestFormats(t *testing.T) {
	const json = "application/json"
	api := serve(t)
	now := strconv.FormatInt(time.Now().Unix()+1, 10) // behind the sample, and the same for all
	query := func(expr string) string { return "/query?time=" + now + "&query=" + url.QueryEscape(expr) }
	overTime := func(expr string) string {
		return "/query_range?step=15&start=" + now + "&end=" + now + "&query=" + url.QueryEscape(expr)
	}
	tests := map[string]struct {
		path, accept, want string
		status             int
	}{
		"the plugin's range":                 {overTime("m"), plugin, columns.MediaType, 200},
		"the plugin's instant":               {query("m"), plugin, columns.MediaType, 200},
		"nothing is a result too":            {query("none"), plugin, columns.MediaType, 200},
		"a scalar over time is a series":     {overTime("1"), plugin, columns.MediaType, 200},
		"a scalar":                           {query("1"), plugin, json, 200},
		"a text":                             {query(`"text"`), plugin, json, 200},
		"statistics":                         {query("m") + "&stats=all", plugin, json, 200},
		"a wrong expression":                 {query("m{"), plugin, json, 400},
		"a missing step":                     {"/query_range?query=m&start=1&end=2", plugin, json, 400},
		"another endpoint":                   {"/labels", plugin, json, 200},
		"JSON rather than columns":           {query("m"), json + ", " + columns.MediaType + ";q=0.5", json, 200},
		"columns rather than JSON":           {query("m"), json + ";q=0.5, " + columns.MediaType, columns.MediaType, 200},
		"columns alone":                      {query("m"), columns.MediaType, columns.MediaType, 200},
		"columns alone, of what has none":    {query("1"), columns.MediaType, json, 200},
		"no Accept":                          {query("m"), "", json, 200},
		"JSON":                               {query("m"), json, json, 200},
		"any type":                           {query("m"), "*/*", json, 200},
		"any type of applications":           {query("m"), "application/*", json, 200},
		"a browser":                          {query("m"), "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", json, 200},
		"Grafana's Prometheus":               {overTime("m"), "application/json, text/plain, */*", json, 200},
		"something else of protocol buffers": {query("m"), "application/vnd.google.protobuf", json, 200},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := get(api, tc.path, tc.accept, "")
			require.Equal(t, tc.status, w.Code)
			require.Equal(t, tc.want, w.Header().Get("Content-Type"))
			if tc.want != json || tc.status != http.StatusOK {
				return
			}
			plain := get(api, tc.path, "", "")
			require.Equal(t, plain.Header(), w.Header())
			if tc.accept != plugin { // the statistics hold how long it took
				require.Equal(t, plain.Body.String(), w.Body.String())
			}
		})
	}
}

func get(api http.Handler, path, accept, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

func TestCachesTellTheFormatsApart(t *testing.T) {
	api := serve(t)
	vary := func(path string) []string { return get(api, path, "", "").Header().Values("Vary") }
	require.Subset(t, vary("/query?query=m"), []string{"Accept", "Accept-Encoding"})
	require.Subset(t, vary("/query_range?query=m&start=1&end=2&step=1"), []string{"Accept", "Accept-Encoding"})
	require.NotContains(t, vary("/labels"), "Accept")
}

func TestColumnsAreNotCompressed(t *testing.T) {
	api := serve(t)
	w := get(api, "/query?query=m", plugin, "gzip")
	require.Equal(t, columns.MediaType, w.Header().Get("Content-Type"))
	require.Empty(t, w.Header().Get("Content-Encoding"))

	w = get(api, "/query?query=m", "application/json", "gzip")
	require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
	unzip, err := gzip.NewReader(w.Body)
	require.NoError(t, err)
	text, err := io.ReadAll(unzip)
	require.NoError(t, err)
	require.Contains(t, string(text), `"__name__":"m"`)
}
