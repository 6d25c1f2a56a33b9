package datasource

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/changes"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// The bounds of what an editor or a variable is answered.
const (
	maxValues      = 10_000
	maxAnswerBytes = 32 << 20
	maxFormBytes   = 1 << 20
)

// passed are the endpoints of Prometheus' API that editors and variables may
// ask, as they are.
func passed() []string {
	return []string{
		"/api/v1/labels", "/api/v1/label/{name}/values", "/api/v1/series", "/api/v1/metadata",
		"/api/v1/query", "/api/v1/parse_query",
	}
}

// routes says what answers which resource. There is nothing else.
func (d *DataSource) routes(mux *http.ServeMux) {
	for _, pattern := range passed() {
		mux.Handle(pattern, reading(d.pass))
	}
	mux.Handle("/changes/values/{field}", reading(d.values))
	mux.Handle("/status", reading(d.status))
	mux.Handle("/", reading(func(http.ResponseWriter, *http.Request, url.Values) error {
		return &refused{http.StatusNotFound, "there is no such resource"}
	}))
}

// refused is a request that is wrong in itself.
type refused struct {
	status  int
	message string
}

func (r *refused) Error() string { return r.message }

// reading returns the handler of a resource that may be asked by GET, and by
// POST with a form or an object of texts.
func reading(answer func(http.ResponseWriter, *http.Request, url.Values) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		params, err := parameters(r)
		if err == nil {
			err = answer(w, r, params)
		}
		if err != nil {
			writeError(w, err)
		}
	})
}

// parameters returns those of the URL and of the body.
func parameters(r *http.Request) (url.Values, error) {
	params := r.URL.Query()
	switch r.Method {
	case http.MethodGet:
		return params, nil
	case http.MethodPost:
	default:
		return nil, &refused{http.StatusMethodNotAllowed, "ask with GET or POST"}
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFormBytes {
		return nil, &refused{http.StatusRequestEntityTooLarge, "the request is too large"}
	}
	body, err := parseBody(text)
	if err != nil {
		return nil, &refused{http.StatusBadRequest, "the body is neither a form nor an object of texts"}
	}
	for name, values := range body {
		params[name] = append(params[name], values...)
	}
	return params, nil
}

// parseBody reads a form, or what Grafana's front end makes of an object.
func parseBody(text []byte) (url.Values, error) {
	if !strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		return url.ParseQuery(string(text))
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	values := url.Values{}
	for name, field := range fields {
		list, ok := field.([]any)
		if !ok {
			list = []any{field}
		}
		for _, v := range list {
			switch v := v.(type) {
			case string:
				values.Add(name, v)
			case float64:
				values.Add(name, strconv.FormatFloat(v, 'f', -1, 64))
			default:
				return nil, fmt.Errorf("%s is neither a text nor a number", name)
			}
		}
	}
	return values, nil
}

// pass asks the server the same, and answers as Prometheus does. Long lists
// are cut by the server, which says so among the warnings.
func (d *DataSource) pass(w http.ResponseWriter, r *http.Request, params url.Values) error {
	params.Set("limit", strconv.Itoa(limitOf(params.Get("limit"))))
	endpoint := r.URL.Path
	if name := r.PathValue("name"); name == "." || name == ".." {
		return &refused{http.StatusNotFound, "there is no such label"}
	} else if name != "" {
		endpoint = "/api/v1/label/" + url.PathEscape(name) + "/values"
	}
	if endpoint == "/api/v1/parse_query" {
		params.Del("limit")
	}
	body, err := d.client.Open(r.Context(), endpoint, params)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxAnswerBytes+1))
	if err != nil {
		return err
	}
	if len(text) > maxAnswerBytes {
		return backend.DownstreamErrorf("the answer is longer than %d MiB; narrow what is asked for", maxAnswerBytes>>20)
	}
	return write(w, http.StatusOK, text)
}

// limitOf returns how many values are asked for.
func limitOf(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return maxValues
	}
	return min(n, maxValues)
}

// values answers with what changes name: services, environments and so on.
func (d *DataSource) values(w http.ResponseWriter, r *http.Request, params url.Values) error {
	v, err := d.changes.Values(r.Context(), r.PathValue("field"), params)
	if errors.Is(err, changes.ErrUnknownField) {
		return &refused{http.StatusNotFound, err.Error()}
	}
	if errors.Is(err, changes.ErrNoTime) {
		return &refused{http.StatusBadRequest, err.Error()}
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

// status answers with what the settings page shows.
func (d *DataSource) status(w http.ResponseWriter, r *http.Request, _ url.Values) error {
	found, err := d.inspect(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, found)
}

// writeError answers with err as Grafana's front end and codemirror-promql
// each look for it.
func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if r, ok := errors.AsType[*refused](err); ok {
		status = r.status
	} else if s := tidemark.StatusOf(err); s >= 400 && s != http.StatusUnauthorized && s != http.StatusForbidden {
		// Grafana's front end would take those two for the user's own, and ask
		// them to sign in again.
		status = s
	}
	_ = writeJSON(w, status, map[string]string{"status": "error", "error": err.Error(), "message": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return write(w, status, text)
}

func write(w http.ResponseWriter, status int, text []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked is gone
	return nil
}
