package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// annotated starts a server with annotations posted to the path given, which takes
// Grafana's and Graphite's alike.
func annotated(t *testing.T, bodies ...string) *running {
	t.Helper()
	s := start(t, nil)
	for _, body := range bodies {
		a := s.do(http.MethodPost, "/api/annotations", body)
		require.Equal(t, http.StatusOK, a.status, a.body)
		added := decodeAs[struct {
			Message string
			ID      int64
		}](t, a.body)
		require.Equal(t, "Annotation added", added.Message)
		require.Positive(t, added.ID)
	}
	return s
}

// texts are those of the annotations that a question finds, in their order.
func (s *running) texts(query string) []string {
	s.t.Helper()
	a := s.do(http.MethodGet, "/api/annotations?"+query, "")
	require.Equal(s.t, http.StatusOK, a.status, a.body)
	texts := []string{}
	for _, found := range decodeAs[[]annotation](s.t, a.body) {
		texts = append(texts, found.Text)
	}
	return texts
}

func TestAnnotationsAreFoundAsInGrafana(t *testing.T) {
	s := annotated(t,
		`{"time": 1772625000000, "text": "point", "tags": ["deploy", "service:web"]}`,
		`{"time": 1772620000000, "timeEnd": 1772626000000, "text": "region", "tags": ["maintenance", "service:db"], "dashboardUID": "abc", "panelId": 2}`,
		`{"time": 1772624000000, "text": "bare"}`,
	)
	for query, want := range map[string][]string{
		"":                                    {"region", "point", "bare"}, // by their ends, newest first
		"limit=2":                             {"region", "point"},
		"from=1772625000000&to=1772625000000": {"region", "point"}, // both ends count
		"from=1772625000001&to=1772625900000": {"region"},
		"from=1772626000001&to=1772627000000": {},
		"from=1772626000001":                  {"region", "point", "bare"}, // one end alone does not
		"to=1":                                {"region", "point", "bare"},
		"from=2&to=1":                         {},
		"tags=deploy":                         {"point"},
		"tags=service":                        {"region", "point"},
		"tags=service:web&tags=deploy":        {"point"},
		"tags=deploy&tags=maintenance":        {},
		"tags=deploy&tags=maintenance&matchAny=true": {"region", "point"},
		"dashboardUID=abc":                           {"region"},
		"dashboardUID=abc&panelId=3":                 {},
		"type=annotation":                            {"region", "point", "bare"},
		"type=alert":                                 {},
		"userId=4":                                   {},
		"something=else":                             {"region", "point", "bare"},
	} {
		require.Equal(t, want, s.texts(query), query)
	}
	for query, want := range map[string]string{"from=soon": "from: must be a whole number", "matchAny=perhaps": "matchAny: must be true or false"} {
		a := s.do(http.MethodGet, "/api/annotations?"+query, "")
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Contains(t, decodeAs[struct{ Message string }](t, a.body).Message, want)
	}

	a := s.do(http.MethodGet, "/api/annotations?tags=maintenance", "")
	found := decodeAs[[]annotation](t, a.body)[0]
	require.Equal(t, annotation{
		ID: found.ID, DashboardUID: "abc", PanelID: 2, Created: found.Created, Updated: found.Updated, Time: 1772620000000, TimeEnd: 1772626000000,
		Text: "region", Tags: []string{"maintenance", "service:db"}, Data: json.RawMessage("{}"),
	}, found)
	require.JSONEq(t, `{"result": {"tags": [{"tag": "service:db", "count": 1}, {"tag": "service:web", "count": 1}]}}`, s.do(http.MethodGet, "/api/annotations/tags?tag=SERV", "").body)
}

func TestAnnotationsAndChangesAreOneLog(t *testing.T) {
	s := annotated(t, `{"text": "Deploy web", "tags": ["deploy", "service:web", "env:prod", "version:v43"]}`)
	page := decodeAs[struct{ Changes []annotate.Change }](t, s.do(http.MethodGet, "/api/v1/changes?service=web&environment=prod&kind=deploy", "").body)
	require.Len(t, page.Changes, 1)
	require.Equal(t, "v43", page.Changes[0].Version)
	require.Equal(t, "grafana", page.Changes[0].Source)

	s.do(http.MethodPost, "/api/v1/changes", `{"kind": "deploy", "service": "api", "version": "v7", "start": "2026-03-04T12:00:00Z"}`)
	require.Equal(t, []string{"deploy api v7"}, s.texts("tags=service:api&tags=deploy"))
	id := decodeAs[[]annotation](t, s.do(http.MethodGet, "/api/annotations?tags=service:api", "").body)[0].ID
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		a := s.do(method, fmt.Sprint("/api/annotations/", id), `{"text": "mine"}`)
		require.Equal(t, http.StatusForbidden, a.status, "a form that knows no deploys does not alter one")
		require.Contains(t, a.body, "PATCH /api/v1/changes/")
	}
}

func TestAnnotationsAreAlteredAndDeleted(t *testing.T) {
	s := annotated(t, `{"time": 1772625000000, "text": "first", "tags": ["deploy"]}`)
	path := "/api/annotations/" + strconv.FormatInt(decodeAs[[]annotation](t, s.do(http.MethodGet, "/api/annotations", "").body)[0].ID, 10)
	for _, step := range []struct{ method, body, message string }{
		{http.MethodPut, `{"text": "second", "tags": ["config"], "time": 1772625000000, "timeEnd": 1772625100000}`, "Annotation updated"},
		{http.MethodPatch, `{"text": "third"}`, "Annotation patched"},
	} {
		a := s.do(step.method, path, step.body)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.JSONEq(t, fmt.Sprintf(`{"message": %q}`, step.message), a.body)
	}
	got := decodeAs[annotation](t, s.do(http.MethodGet, path, "").body)
	require.Equal(t, "third", got.Text)
	require.Equal(t, []string{"config"}, got.Tags)
	require.EqualValues(t, 1772625100000, got.TimeEnd)

	require.JSONEq(t, `{"message": "Annotation deleted"}`, s.do(http.MethodDelete, path, "").body)
	require.Empty(t, s.texts(""))
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		a := s.do(method, path, `{"text": "x"}`)
		require.Equal(t, http.StatusNotFound, a.status)
		require.JSONEq(t, `{"message": "there is no annotation with this id"}`, a.body)
	}
	page := decodeAs[struct{ Changes []annotate.Change }](t, s.do(http.MethodGet, "/api/v1/changes", "").body)
	require.Equal(t, annotate.Cancelled, page.Changes[0].Status, "the log does not forget")
	require.Equal(t, 4, page.Changes[0].Revision)
}

func TestAnnotationsThatAreAlteredAtOnceKeepBoth(t *testing.T) {
	s := annotated(t, `{"text": "x", "tags": ["deploy"]}`)
	path := "/api/annotations/" + strconv.FormatInt(decodeAs[[]annotation](t, s.do(http.MethodGet, "/api/annotations", "").body)[0].ID, 10)
	for round := range 20 {
		var both sync.WaitGroup
		for _, body := range []string{fmt.Sprintf(`{"text": "text %d"}`, round), fmt.Sprintf(`{"tags": ["round:%d"]}`, round)} {
			both.Go(func() { assert.Equal(t, http.StatusOK, s.do(http.MethodPatch, path, body).status) })
		}
		both.Wait()
		got := decodeAs[annotation](t, s.do(http.MethodGet, path, "").body)
		require.Equal(t, fmt.Sprintf("text %d", round), got.Text)
		require.Equal(t, []string{fmt.Sprintf("round:%d", round)}, got.Tags)
	}
}

func TestAnnotationsSayWhatIsWrong(t *testing.T) {
	s := start(t, nil)
	for _, test := range []struct{ path, body, want string }{
		{"/api/annotations", `{"tags": ["x"]}`, "text: is empty"},
		{"/api/annotations", ``, "not what is taken here"},
		{"/api/annotations", `{"text": "x", "time": 100000}`, "start: is before 1990"},
		{"/api/annotations", `{"text": "` + strings.Repeat("x", 20<<10) + `"}`, "text: is 20480 bytes long"},
		{"/api/annotations/graphite", `{"what": "x"}`, "tags: is missing"},
		{"/api/annotations/graphite", `{"tags": ["x"]}`, "text: is empty"},
		{"/events/", `{"tags": ["x"]}`, "what: is missing"},
		{"/events/", `{"what": "x", "tags": 4}`, "tags: must be a list"},
	} {
		a := s.do(http.MethodPost, test.path, test.body)
		require.Equal(t, http.StatusBadRequest, a.status, a.body)
		require.Contains(t, a.body, test.want)
	}
	require.Equal(t, http.StatusRequestEntityTooLarge, s.do(http.MethodPost, "/api/annotations", `{"text": "`+strings.Repeat("x", 2<<20)+`"}`).status)
}

func TestEventsAreFoundAsInGraphite(t *testing.T) {
	s := start(t, nil)
	for _, body := range []string{
		`{"what": "later", "tags": "deploy web", "when": 1772625100}`,
		`{"what": "Event - deploy", "tags": ["deploy"], "when": 1772625000, "data": "of master"}`,
		`{"what": "bare", "when": 1772620000}`,
	} {
		a := s.do(http.MethodPost, "/events/", body)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Empty(t, a.body)
	}
	all := s.do(http.MethodGet, "/events/get_data", "").body
	list := decodeAs[[]event](t, all)
	require.Len(t, list, 3)
	require.Equal(t, event{When: 1772625000, What: "Event - deploy", Data: "of master", Tags: []string{"deploy"}, ID: list[1].ID}, list[1])
	require.Equal(t, list[1], decodeAs[event](t, s.do(http.MethodGet, fmt.Sprint("/events/", list[1].ID), "").body))
	for query, want := range map[string][]string{
		"":                                 {"bare", "Event - deploy", "later"}, // oldest first
		"tags=deploy":                      {"Event - deploy", "later"},
		"tags=deploy+web":                  {"later"},
		"tags=deploy+web&set=intersection": {"later"},
		"tags=web+bare&set=union":          {"later"},
		"tags=nothing":                     {},
		"from=1772625000&until=1772625100": {"Event - deploy", "later"},
		"from=1772625001":                  {"later"},
		"until=20260304":                   {},
		"from=-1d&until=-2d":               {},
		"tags=deploy+deploy":               {"Event - deploy", "later"},
	} {
		got := []string{}
		for _, e := range decodeAs[[]event](t, s.do(http.MethodGet, "/events/get_data?"+query, "").body) {
			got = append(got, e.What)
		}
		require.Equal(t, want, got, query)
	}
	for query, want := range map[string]string{"from=soon": "as Graphite writes it", "set=some": "union or intersection", "jsonp=f": "is not served"} {
		a := s.do(http.MethodGet, "/events/get_data?"+query, "")
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Contains(t, a.body, want)
	}
	require.Equal(t, http.StatusNotFound, s.do(http.MethodGet, "/events/999", "").status)
}

// numberless is a log that keeps changes and cannot number them.
type numberless struct{ Changes }

func (numberless) Numbers(context.Context, []string) ([]int64, error) {
	return nil, errors.New("the disk does not answer")
}

func TestAnAnnotationThatIsKeptIsNoError(t *testing.T) {
	s := start(t, func(o *Options) { o.Changes = numberless{o.Changes} })
	a := s.do(http.MethodPost, "/api/annotations", `{"text": "x"}`)
	require.Equal(t, http.StatusOK, a.status, "an error would have it sent again")
	require.JSONEq(t, `{"message": "Annotation added", "id": 0}`, a.body)
}
