package datasource

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// answers are what a server says to each path: a status and a body.
type answers map[string]answer

type answer struct {
	status int
	body   string
}

// ok is a body that comes with 200.
func ok(body string) answer { return answer{http.StatusOK, body} }

// tidemark is a server that is as it should be.
func tidemarkAnswers() answers {
	return answers{
		"/api/v1/changes/last":     ok(`{"changes":[{"kind":"deploy","service":"web","version":"v42","headline":"deploy web v42"}]}`),
		"/api/v1/changes/marks":    ok(`{"marks":[],"resolution_ms":1000,"total":0,"omitted":0}`),
		"/api/v1/status/buildinfo": ok(`{"status":"success","data":{"version":"v1.2.3"}}`),
		"/api/v1/query":            ok(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]}}`),
		"/api/v1/query_range":      ok(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"2"]]}]}}`),
	}
}

// with returns a copy of a in which some paths answer otherwise.
func (a answers) with(path string, status int, body string) answers {
	changed := answers{}
	for k, v := range a {
		changed[k] = v
	}
	changed[path] = answer{status, body}
	return changed
}

// server serves a, and keeps the requests.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func serve(t *testing.T, a answers) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.mu.Lock()
		s.seen = append(s.seen, r)
		s.mu.Unlock()
		found, known := a[r.URL.Path+" "+r.Form.Get("query")]
		if !known {
			found, known = a[r.URL.Path]
		}
		if !known {
			http.Error(w, "404 page not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(found.status)
		_, _ = io.WriteString(w, found.body)
	}))
	t.Cleanup(s.Close)
	return s
}

// last returns the newest request.
func (s *server) last(t *testing.T) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.seen)
	return s.seen[len(s.seen)-1]
}

// open makes the data source of a server.
func open(t *testing.T, serverURL, token string) *DataSource {
	t.Helper()
	made, err := New(t.Context(), backend.DataSourceInstanceSettings{
		UID: "abc", URL: serverURL, JSONData: []byte(`{}`), DecryptedSecureJSONData: map[string]string{"token": token},
	})
	require.NoError(t, err)
	d := made.(*DataSource)
	t.Cleanup(d.Dispose)
	return d
}

func TestNewSaysWhatCannotBeUsed(t *testing.T) {
	_, err := New(t.Context(), backend.DataSourceInstanceSettings{JSONData: []byte(`{}`)})
	require.ErrorContains(t, err, "the URL is empty")
	require.True(t, backend.IsDownstreamError(err))
}

func target(refID, fields string) backend.DataQuery {
	return backend.DataQuery{
		RefID: refID, MaxDataPoints: 100, JSON: []byte(`{` + fields + `}`),
		TimeRange: backend.TimeRange{From: time.Unix(1700000000, 0), To: time.Unix(1700003600, 0)},
	}
}

func TestQueryDataHandsOut(t *testing.T) {
	s := serve(t, tidemarkAnswers())
	d := open(t, s.URL, "")
	req := &backend.QueryDataRequest{Queries: []backend.DataQuery{
		target("A", `"expr":"up"`),
		target("B", `"expr":"up","queryType":"randomWalk"`),
		target("C", `"expr":"up{"`),
		target("D", `"queryType":"overlay","exprs":["up"]`),
		target("E", `"expr":"up","format":"pie"`),
	}}
	resp, err := d.QueryData(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, resp.Responses, 5)
	require.Equal(t, data.FrameTypeTimeSeriesMulti, resp.Responses["A"].Frames[0].Meta.Type)
	require.Equal(t, data.FrameTypeTimeSeriesMulti, resp.Responses["B"].Frames[0].Meta.Type)
	require.NoError(t, resp.Responses["D"].Error)
	require.Equal(t, data.DataTopicAnnotations, resp.Responses["D"].Frames[0].Meta.DataTopic)
	require.ErrorContains(t, resp.Responses["E"].Error, "pie")
}

func TestErrorsHaveTheServersStatus(t *testing.T) {
	f := func(a answers, fields string, want backend.Status) {
		t.Helper()
		resp, err := open(t, serve(t, a).URL, "").QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{target("A", fields)}})
		require.NoError(t, err)
		got := resp.Responses["A"]
		require.Error(t, got.Error)
		require.Equal(t, want, got.Status)
		require.True(t, got.ErrorSource == backend.ErrorSourceDownstream)
	}
	all := tidemarkAnswers()
	f(all.with("/api/v1/query_range", 400, `{"status":"error","errorType":"bad_data","error":"parse error"}`), `"expr":"up{"`, 400)
	f(all.with("/api/v1/query_range", 422, `{"status":"error","errorType":"execution","error":"too many samples"}`), `"expr":"up"`, 422)
	f(all.with("/api/v1/query_range", 503, `{"detail":"starting"}`), `"expr":"up"`, 503)
	f(all.with("/api/v1/query_range", 200, `<html>`), `"expr":"up"`, backend.StatusBadGateway)
	f(all, `"expr":"up","format":"pie"`, backend.StatusBadRequest)
	f(all.with("/api/v1/changes/list", 401, `{"detail":"no"}`), `"queryType":"changes"`, 401)

	d := open(t, "http://127.0.0.1:1", "")
	resp, err := d.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{target("A", `"expr":"up"`)}})
	require.NoError(t, err)
	require.Equal(t, backend.StatusBadGateway, resp.Responses["A"].Status)
}

func TestAQueryOfManyIsAnsweredWhole(t *testing.T) {
	d := open(t, serve(t, tidemarkAnswers()).URL, "")
	req := &backend.QueryDataRequest{}
	for i := range 50 {
		req.Queries = append(req.Queries, target(strings.Repeat("A", i+1), `"expr":"up"`))
	}
	resp, err := d.QueryData(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, resp.Responses, 50)
	for _, r := range resp.Responses {
		require.NoError(t, r.Error)
	}
}

func TestOccasion(t *testing.T) {
	f := func(headers map[string]string, byRule bool) {
		t.Helper()
		o := occasionOf(&backend.QueryDataRequest{Headers: headers, Queries: []backend.DataQuery{
			target("A", `"format":"table"`), target("B", `"format":"table"`), target("C", ``),
		}})
		require.Equal(t, byRule, o.ByRule)
		require.Equal(t, 2, o.Tables)
	}
	f(nil, false)
	f(map[string]string{"FromAlert": "true"}, true)
	f(map[string]string{"FromAlert": "false"}, false)
	f(map[string]string{"http_X-Grafana-From-Expr": "true"}, true)
}

func TestNobodyPublishes(t *testing.T) {
	resp, err := open(t, "http://localhost:1", "").PublishStream(t.Context(), &backend.PublishStreamRequest{Path: "changes"})
	require.NoError(t, err)
	require.Equal(t, backend.PublishStreamStatusPermissionDenied, resp.Status)
}

// call asks a resource, and returns the status and the body.
func call(t *testing.T, d *DataSource, req *backend.CallResourceRequest) (int, string) {
	t.Helper()
	var got *backend.CallResourceResponse
	err := d.CallResource(t.Context(), req, backend.CallResourceResponseSenderFunc(func(r *backend.CallResourceResponse) error {
		got = r
		return nil
	}))
	require.NoError(t, err)
	return got.Status, string(got.Body)
}

func get(path, query string) *backend.CallResourceRequest {
	return &backend.CallResourceRequest{Method: http.MethodGet, Path: path, URL: path + "?" + query}
}

func TestResourcesArePassedOn(t *testing.T) {
	body := `{"status":"success","data":["a"],"warnings":["results truncated due to limit"]}`
	paths := []string{"/api/v1/labels", "/api/v1/label/job/values", "/api/v1/series", "/api/v1/metadata", "/api/v1/query", "/api/v1/parse_query"}
	all := answers{}
	for _, p := range paths {
		all[p] = ok(body)
	}
	s := serve(t, all)
	d := open(t, s.URL, "")
	for _, p := range paths {
		status, got := call(t, d, get(strings.TrimPrefix(p, "/"), "match[]=up&start=1"))
		require.Equal(t, http.StatusOK, status, p)
		require.JSONEq(t, body, got, p)
		require.Equal(t, p, s.last(t).URL.Path)
		require.Equal(t, "up", s.last(t).URL.Query().Get("match[]"))
		require.Equal(t, "1", s.last(t).URL.Query().Get("start"))
	}
}

func TestResourcesAreLimited(t *testing.T) {
	s := serve(t, answers{"/api/v1/labels": ok(`{}`)})
	d := open(t, s.URL, "")
	f := func(query, want string) {
		t.Helper()
		status, _ := call(t, d, get("api/v1/labels", query))
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, []string{want}, s.last(t).URL.Query()["limit"])
	}
	f("", "10000")
	f("limit=5", "5")
	f("limit=0", "10000")
	f("limit=999999", "10000")
	f("limit=x", "10000")
}

func TestResourcesTakePosts(t *testing.T) {
	s := serve(t, answers{"/api/v1/labels": ok(`{}`)})
	d := open(t, s.URL, "")
	f := func(body string) {
		t.Helper()
		status, text := call(t, d, &backend.CallResourceRequest{Method: http.MethodPost, Path: "api/v1/labels", URL: "api/v1/labels?start=1", Body: []byte(body)})
		require.Equal(t, http.StatusOK, status, text)
		asked := s.last(t).URL.Query()
		require.Equal(t, []string{"up", "down"}, asked["match[]"])
		require.Equal(t, "1", asked.Get("start"))
		require.Equal(t, "2", asked.Get("end"))
	}
	f(url.Values{"match[]": {"up", "down"}, "end": {"2"}}.Encode())
	f(`{"match[]":["up","down"],"end":2}`)
}

func TestResourcesRefuse(t *testing.T) {
	d := open(t, serve(t, tidemarkAnswers()).URL, "")
	f := func(req *backend.CallResourceRequest, want int) {
		t.Helper()
		status, body := call(t, d, req)
		require.Equal(t, want, status, body)
		var said map[string]string
		require.NoError(t, json.Unmarshal([]byte(body), &said))
		require.NotEmpty(t, said["message"])
		require.Equal(t, "error", said["status"])
	}
	f(get("", ""), http.StatusNotFound)
	f(get("api/v1/changes", ""), http.StatusNotFound)
	f(get("api/v1/query_range", ""), http.StatusNotFound)
	f(get("api/v1/admin/tsdb/snapshot", ""), http.StatusNotFound)
	f(get("changes/values/secrets", ""), http.StatusNotFound)
	f(get("api/v1/labels", ""), http.StatusNotFound) // as the server says
	f(&backend.CallResourceRequest{Method: http.MethodDelete, Path: "api/v1/series", URL: "api/v1/series"}, http.StatusMethodNotAllowed)
	f(&backend.CallResourceRequest{Method: http.MethodPost, Path: "api/v1/series", URL: "api/v1/series", Body: []byte(`{"a":{}}`)}, http.StatusBadRequest)
	f(&backend.CallResourceRequest{Method: http.MethodPost, Path: "api/v1/series", URL: "api/v1/series", Body: []byte(strings.Repeat("x", maxFormBytes+1))},
		http.StatusRequestEntityTooLarge)

	d = open(t, serve(t, answers{"/api/v1/labels": {http.StatusUnauthorized, `{"detail":"no"}`}}).URL, "tdm_x")
	f(get("api/v1/labels", ""), http.StatusBadGateway)
	f(get("changes/values/services", "from=noon"), http.StatusBadRequest)
	d = open(t, "http://127.0.0.1:1", "")
	f(get("api/v1/labels", ""), http.StatusBadGateway)
	f(get("status", ""), http.StatusBadGateway)
}

func TestLabelNamesAreNoPaths(t *testing.T) {
	s := serve(t, answers{})
	call(t, open(t, s.URL, ""), get("api/v1/label/a%2F..%2F..%2Fadmin/values", ""))
	require.Equal(t, "/api/v1/label/a%2F..%2F..%2Fadmin/values", s.last(t).URL.EscapedPath())
	status, _ := call(t, open(t, s.URL, ""), get("api/v1/label/%2e%2e/values", ""))
	require.Equal(t, http.StatusNotFound, status)
}

func TestStatus(t *testing.T) {
	status, body := call(t, open(t, serve(t, tidemarkAnswers()).URL, ""), get("status", ""))
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"version":"v1.2.3","jobs":2,"changes":2,"last":"deploy web v42"}`, body)
}
