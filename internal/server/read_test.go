package server

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/auth"
)

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}

func TestListFilters(t *testing.T) {
	s := start(t, nil)
	for _, body := range []string{
		`{"kind":"deploy","service":"web","environment":"production","version":"v1","start":"2025-06-01T10:00:00Z","end":"2025-06-01T10:05:00Z","title":"one","who":"Ann","labels":{"team":"blue"}}`,
		`{"kind":"flag","service":"web","environment":"staging","start":"2025-06-01T11:00:00Z","title":"two","who":"Bob","labels":{"team":"red","tier":"1"}}`,
		`{"kind":"deploy","service":"a,b","start":"2025-06-01T12:00:00Z","status":"failed","title":"three words here"}`,
	} {
		s.record(body)
	}
	f := func(query string, want ...string) {
		t.Helper()
		a := s.do("GET", "/api/v1/changes"+query, "")
		require.Equal(t, 200, a.status, a.body)
		titles := []string{}
		for _, c := range decodeAs[annotate.Page](t, a.body).Changes {
			word, _, _ := strings.Cut(c.Title, " ")
			titles = append(titles, word)
		}
		require.Equal(t, append([]string{}, want...), titles)
	}
	f("", "three", "two", "one")
	f("?kind=deploy", "three", "one")
	f("?kind=deploy&kind=flag&service=web", "two", "one")
	f("?service=a,b", "three")
	f("?environment=staging", "two")
	f("?environment=staging&none=environment", "three", "two")
	f("?none=environment", "three")
	f("?none=service")
	f("?service=web&none=service&none=environment&environment=production", "one")
	f("?status=failed", "three")
	f("?who=Ann", "one")
	f("?label.team=blue", "one")
	f("?label.team=red&label.tier=1", "two")
	f("?label.team=red&label.tier=2")
	f("?q=words+three", "three")
	f("?from=2025-06-01T10:30:00Z&to=2025-06-01T11:30:00Z", "two")
	f("?from=1748772000&to=1748772001", "one")
	f("?limit=1", "three")

	for path, want := range map[string]string{
		"?kind=flag": `"headline":"two"`, "/last": `"headline":"three words here"`, "/last?kind=flag&per=service": `"headline":"two"`,
	} {
		require.Contains(t, s.do("GET", "/api/v1/changes"+path, "").body, want)
	}

	a := s.do("GET", "/api/v1/changes?limit=2", "")
	page := decodeAs[annotate.Page](t, a.body)
	require.NotNil(t, page.Next)
	f("?limit=2&cursor="+url.QueryEscape(*page.Next), "one")
	require.Contains(t, s.do("GET", "/api/v1/changes?kind=none", "").body, `{"changes":[],"next":null}`)
}

func TestLast(t *testing.T) {
	s := start(t, nil)
	for _, body := range []string{
		`{"kind":"deploy","service":"web","start":"2025-06-01T10:00:00Z","end":"2025-06-01T10:05:00Z","title":"a","who":"ann","labels":{"team":"shop"}}`,
		`{"kind":"flag","service":"web","environment":"test","start":"2025-06-01T11:00:00Z","who":"ann","labels":{"team":"shop"},"flag":{"key":"cart","to":true},"title":"b"}`,
		`{"kind":"flag","service":"web","environment":"test","start":"2025-06-01T11:30:00Z","flag":{"key":"cart","to":false},"title":"c"}`,
		`{"kind":"flag","service":"web","start":"2025-06-01T11:10:00Z","flag":{"key":"cart","to":true},"title":"d"}`,
		`{"kind":"deploy","service":"api","start":"2025-06-01T12:00:00Z","status":"failed","title":"e"}`,
	} {
		s.record(body)
	}
	f := func(query string, want ...string) {
		t.Helper()
		a := s.do("GET", "/api/v1/changes/last"+query, "")
		require.Equal(t, 200, a.status, a.body)
		require.NotContains(t, a.body, "omitted")
		titles := []string{}
		for _, c := range decodeAs[annotate.Newest](t, a.body).Changes {
			titles = append(titles, c.Title)
		}
		require.Equal(t, append([]string{}, want...), titles)
	}
	f("", "e")
	f("?per=service", "e", "c")
	f("?per=flag", "c", "d")
	f("?per=flag&at=2025-06-01T11:15:00Z", "d", "b")
	f("?per=flag&environment=test", "c")
	f("?at=2025-06-01T10:30:00Z", "a")
	f("?at=1748772000", "a")
	f("?at=2025-06-01T09:00:00Z")
	f("?status=succeeded", "c")
	f("?status=failed&status=cancelled&per=service", "e")
	f("?kind=flag", "c")
	f("?kind=none")
	f("?who=ann", "b")
	f("?who=ann&per=service", "b")
	f("?label.team=shop&per=service&kind=deploy", "a")
	f("?label.team=shop&per=flag", "b")
	f("?q=web+test&per=flag", "c")
	require.Contains(t, s.do("GET", "/api/v1/changes/last?kind=none", "").body, `{"changes":[]}`)
}

func TestBadQueriesAreNamed(t *testing.T) {
	s := start(t, nil)
	f := func(path, location, detail string) {
		t.Helper()
		p := s.do("GET", "/api/v1/changes"+path, "").problem(t, 422)
		require.Contains(t, p.Detail, detail)
		require.Equal(t, location, p.Errors[0].Location)
	}
	f("?knid=deploy", "query.knid", "is no parameter here; there are kind, service")
	f("?limit=0", "query.limit", "from 1 to 1000")
	f("?limit=1001", "query.limit", "from 1 to 1000")
	f("?limit=ten", "query.limit", "from 1 to 1000")
	f("?limit=1&limit=2", "query.limit", "give it once")
	f("?from=noon", "query.from", "write RFC 3339")
	f("?from=2025-01-02T00:00:00Z&to=2025-01-01T00:00:00Z", "query.from", "is after to")
	f("?status=done", "query.status", "planned, running")
	f("?kind=", "query.kind", "is empty")
	labels := ""
	for i := range 51 {
		labels += fmt.Sprintf("&label.l%d=x", i)
	}
	f("?"+labels[1:], "query", "no change has more than 50")
	f("?label.=x", "query.label.", "is no parameter")
	f("?label.a=x&label.a=y", "query.label.a", "give it once")
	f("?q="+strings.Repeat("x", 1001), "query.q", "at most 1000")
	f("?cursor=nonsense", "query.cursor", "cursor")
	f("?"+strings.Repeat("a&", 10_000), "query", "at most 10000")
	f("/last?per=host", "query.per", "must be service or flag")
	f("/last?at=noon", "query.at", "write RFC 3339")
	f("/last?status=done", "query.status", "planned, running")
	f("/last?limit=1", "query.limit", "is no parameter")
	f("/stream?last_event_id=x", "query.last_event_id", "a whole number")
	f("/stream?limit=1", "query.limit", "is no parameter")
	s.do("GET", "/api/v1/changes?kind=%zz", "").problem(t, 400)
	s.do("GET", "/api/v1/changes/stream", "", "Last-Event-ID", "x").problem(t, 422)
	s.do("GET", "/api/v1/changes/none", "").problem(t, 404)
	s.do("GET", "/api/v1/changes/none/revisions", "").problem(t, 404)
}

func FuzzSelection(f *testing.F) {
	for _, seed := range []string{"", "kind=a&kind=b", "label.a=b", "from=1&to=2", "limit=9", "%zz", "a;b", "q=%00", "status=failed", "per=flag&at=1", "from=1&to=2&limit=2000&resolution=1d"} {
		f.Add(seed)
	}
	sets := [][]parameter{listParameters(), lastParameters(), marksParameters(), streamParameters()}
	f.Fuzz(func(t *testing.T, query string) {
		for _, params := range sets {
			selected, err := parseSelection(query, params)
			if err == nil && (selected.Limit < 1 || selected.Limit > annotate.MaxPage || selected.marks < 1 || selected.marks > annotate.MaxMarks) {
				t.Fatalf("limits %d and %d of %q", selected.Limit, selected.marks, query)
			}
		}
	})
}

func TestQuestionsByForm(t *testing.T) {
	s := start(t, func(o *Options) { o.ListenAddress = anyone })
	viewer, ci := "Bearer "+s.token("wall", auth.Viewer), "Bearer "+s.token("ci", auth.Operator)
	for _, service := range []string{"web", "api"} {
		a := s.do("POST", "/api/v1/changes", `{"kind":"deploy","service":"`+service+`","start":"2025-06-01T10:00:00Z","status":"succeeded"}`, "Authorization", ci)
		require.Equal(t, 201, a.status, a.body)
	}
	form := []string{"Authorization", viewer, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}
	const day = "from=2025-06-01T00:00:00Z&to=2025-06-02T00:00:00Z"
	f := func(path, body string, want ...string) {
		t.Helper()
		a := s.do("POST", path, body, form...)
		require.Equal(t, 200, a.status, a.body)
		var got []string
		for _, m := range regexp.MustCompile(`"headline":"deploy (\w+)"`).FindAllStringSubmatch(a.body, -1) {
			got = append(got, m[1])
		}
		require.ElementsMatch(t, want, got)
	}
	f("/api/v1/changes/list", "", "web", "api")
	f("/api/v1/changes/list", "service=web", "web")
	f("/api/v1/changes/list?service=api", "kind=deploy", "api")
	f("/api/v1/changes/last", "per=service", "web", "api")
	f("/api/v1/changes/marks", day, "web", "api")
	// More than SQLite takes arguments, and than a URL is long.
	many := strings.Repeat("&service=a-service-with-a-name-that-is-a-bit-longer", 4000)
	many += strings.ReplaceAll(many, "service=", "environment=") + "&none=environment&service=web"
	f("/api/v1/changes/list", day+many, "web")
	f("/api/v1/changes/last", "per=service"+many, "web")
	f("/api/v1/changes/marks", day+many, "web")

	t.Run("what is wrong is named", func(t *testing.T) {
		s := s.in(t)
		require.Equal(t, 200, s.do("POST", "/api/v1/changes/list", strings.Repeat("&kind=a", 10_000), form...).status)
		for body, want := range map[string]string{
			"service=":                        "is empty",
			"servise=web":                     "is no parameter here",
			strings.Repeat("&kind=a", 10_001): "at most 10000 are taken",
		} {
			require.Contains(t, s.do("POST", "/api/v1/changes/list", body, form...).problem(t, 422).Detail, want)
		}
		s.do("POST", "/api/v1/changes/list", "service=%", form...).problem(t, 400)
		for _, kind := range []string{"application/json", "text/plain", ""} {
			require.Contains(t, s.do("POST", "/api/v1/changes/list", "{}", "Content-Type", kind).problem(t, 415).Detail, formType)
		}
		s.do("POST", "/api/v1/changes/list", "{}", "Content-Type", formType, "Content-Encoding", "gzip").problem(t, 415)
		s.do("GET", "/api/v1/changes/list", "").problem(t, 404)
	})
}
