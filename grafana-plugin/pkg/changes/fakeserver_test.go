package changes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// noon is the time that it is in tests.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ago returns the time so long before noon.
func ago(d time.Duration) time.Time { return noon.Add(-d) }

// lasting returns a change that began and ended so long before noon.
func lasting(kind, service, environment, status string, began, ended time.Duration) Change {
	end := ago(ended)
	return Change{
		ID: fmt.Sprintf("%s-%s-%s-%d", kind, service, environment, began.Milliseconds()), Kind: kind, Service: service, Environment: environment,
		Status: status, Start: ago(began), End: &end,
	}
}

// question is what was asked of a server.
type question struct {
	endpoint string
	params   url.Values
}

// fakeServer answers as a Tidemark does, from a list of changes.
type fakeServer struct {
	t    *testing.T
	http *httptest.Server

	mu       sync.Mutex
	changes  []Change
	requests []question
	// answer, where set, answers instead of the server; false leaves it to it.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeServer(t *testing.T, changes ...Change) *fakeServer {
	t.Helper()
	for i := range changes {
		changes[i].Headline = headlineOf(&changes[i])
	}
	s := &fakeServer{t: t, changes: changes}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	return s
}

// headlineOf words a change as a Tidemark does, unless a test has.
func headlineOf(c *Change) string {
	if c.Headline != "" {
		return c.Headline
	}
	if c.Title != "" {
		return c.Title
	}
	words := c.Kind
	for _, part := range []string{c.Service, c.Version} {
		if part != "" {
			words += " " + part
		}
	}
	if c.Flag != nil {
		words += " " + c.Flag.step()
	}
	return words
}

// log returns the change log of s, at noon.
func (s *fakeServer) log(alter ...func(*Options)) *Log {
	s.t.Helper()
	client, err := tidemark.New(tidemark.Options{URL: s.http.URL, Timeout: 10 * time.Second})
	require.NoError(s.t, err)
	s.t.Cleanup(client.Close)
	return newLog(client, alter...)
}

// newLog returns a log with the settings that a data source has at first.
func newLog(server Server, alter ...func(*Options)) *Log {
	o := Options{
		PublicURL: "https://tidemark.example/", Overlay: Overlay{Enabled: true, Follow: true},
		ServiceLabels:     []string{"service", "service_name"},
		EnvironmentLabels: []string{"environment", "deployment_environment_name"},
		Timeout:           10 * time.Second, Now: func() time.Time { return noon },
	}
	for _, f := range alter {
		f(&o)
	}
	return New(server, o)
}

// asked returns the requests so far to endpoint.
func (s *fakeServer) asked(endpoint string) []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	var queries []url.Values
	for _, u := range s.requests {
		if u.endpoint == endpoint {
			queries = append(queries, u.params)
		}
	}
	return queries
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_ = r.ParseForm()
	s.requests = append(s.requests, question{r.URL.Path, r.Form})
	changes, answer := s.changes, s.answer
	s.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	if r.Method != http.MethodPost { // what is in a URL may be too long for it
		http.Error(w, "405", http.StatusMethodNotAllowed)
		return
	}
	q := r.Form
	for name, values := range q {
		if slices.Contains(values, "") {
			http.Error(w, `{"status":422,"detail":"`+name+` is empty"}`, http.StatusUnprocessableEntity)
			return
		}
	}
	selected := selectChanges(changes, q)
	switch r.URL.Path {
	case listEndpoint:
		s.write(w, pageOf(selected, q))
	case marksEndpoint:
		s.write(w, marksAnswer(selected, q))
	case lastEndpoint:
		s.write(w, map[string]any{"changes": lastOf(selected, q)})
	default:
		http.NotFound(w, r)
	}
}

func (s *fakeServer) write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// selectChanges returns the changes that q selects, newest start first.
func selectChanges(changes []Change, q url.Values) []Change {
	from, to := parseTime(q.Get("from")), parseTime(q.Get("to"))
	var selected []Change
	for _, c := range changes {
		if !selectedIn(q, "kind", c.Kind) || !selectedIn(q, "service", c.Service) ||
			!selectedIn(q, "environment", c.Environment) || !selectedIn(q, "status", c.Status) || !anyOf(q["who"], c.Who.Name) {
			continue
		}
		if !to.IsZero() && c.Start.After(to) || !from.IsZero() && c.End != nil && c.End.Before(from) {
			continue
		}
		selected = append(selected, c)
	}
	slices.SortStableFunc(selected, func(a, b Change) int { return b.Start.Compare(a.Start) })
	return selected
}

// selectedIn reports whether q selects a change by what it has as name.
func selectedIn(q url.Values, name, value string) bool {
	none := slices.Contains(q["none"], name)
	return len(q[name]) == 0 && !none || slices.Contains(q[name], value) || none && value == ""
}

func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

func pageOf(selected []Change, q url.Values) page {
	begin, _ := strconv.Atoi(q.Get("cursor"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	end := min(len(selected), begin+limit)
	p := page{Changes: selected[begin:end]}
	if end < len(selected) {
		next := strconv.Itoa(end)
		p.Next = &next
	}
	return p
}

// marksAnswer merges what begins in the same step, as the contract says.
func marksAnswer(selected []Change, q url.Values) marks {
	ms, _ := strconv.ParseInt(q.Get("resolution"), 10, 64)
	m := marks{ResolutionMS: ms, Total: len(selected)}
	merged := make(map[place]int)
	for _, c := range selected {
		mk := mark{Kind: c.Kind, Service: c.Service, Environment: c.Environment, Status: c.Status, Start: c.Start, End: c.End, Count: 1, Headline: c.Headline, Change: c}
		if m.alone(&mk) {
			m.List = append(m.List, mk)
			continue
		}
		at, known := merged[m.place(&mk)]
		if !known {
			merged[m.place(&mk)] = len(m.List)
			m.List = append(m.List, mk)
			continue
		}
		old := &m.List[at] // whose change is newer
		old.Start, old.Count = mk.Start, old.Count+1
		if mk.End.After(*old.End) {
			old.End = mk.End
		}
	}
	slices.SortStableFunc(m.List, func(a, b mark) int { return a.Start.Compare(b.Start) })
	return m
}

func lastOf(selected []Change, q url.Values) []Change {
	at := cmp.Or(parseTime(q.Get("at")), noon)
	seen, newest := make(map[string]bool), []Change{}
	for _, c := range selected {
		key := ""
		switch q.Get("per") {
		case "service":
			key = c.Service
		case "flag":
			if c.Flag == nil {
				continue
			}
			key = fmt.Sprint(c.Flag.Key, "/", c.Service, "/", c.Environment)
		}
		if !c.Start.After(at) && !seen[key] {
			seen[key] = true
			newest = append(newest, c)
		}
	}
	return newest
}
