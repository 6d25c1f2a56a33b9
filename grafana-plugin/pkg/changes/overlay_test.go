package changes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// drawnTitles returns the titles that l draws for an overlay query.
func drawnTitles(t *testing.T, l *Log, queryJSON string) []string {
	t.Helper()
	response := ask(t, l, queryJSON)
	require.NoError(t, response.Error)
	require.Len(t, response.Frames, 1)
	require.Empty(t, response.Frames[0].Meta.Notices)
	return texts(t, response.Frames[0], "title")
}

// few are changes far apart from each other.
func few() []Change {
	return []Change{
		lasting(deploy, "web", "production", succeeded, 5*time.Hour, 5*time.Hour),
		lasting(deploy, "web", "staging", succeeded, 4*time.Hour, 4*time.Hour),
		lasting(deploy, "api", "production", failed, 3*time.Hour, 3*time.Hour),
		lasting(configPush, "", "production", succeeded, 2*time.Hour, 2*time.Hour),
		lasting(flagFlip, "", "", succeeded, time.Hour, time.Hour),
	}
}

func TestWhatAPanelShows(t *testing.T) {
	s := newFakeServer(t, few()...)
	for i := range s.changes {
		c := &s.changes[i]
		c.Headline = fmt.Sprintf("%s %s/%s", c.Kind, c.Service, c.Environment)
	}
	const (
		web     = "deploy web/production"
		staging = "deploy web/staging"
		api     = "deploy api/production"
		config  = "config /production"
		flag    = "flag /"
	)
	f := func(o Overlay, queryJSON string, want ...string) {
		t.Helper()
		o.Enabled = true
		require.ElementsMatch(t, want, drawnTitles(t, s.log(func(all *Options) { all.Overlay = o }), queryJSON))
	}
	all := `{"queryType":"overlay"}`
	f(Overlay{}, all, web, staging, api, config, flag)
	f(Overlay{Kinds: []string{deploy, flagFlip}}, all, web, staging, api, flag)
	f(Overlay{Services: []string{"api"}}, all, api, config, flag)
	f(Overlay{Environments: []string{"staging"}}, all, staging, flag)
	f(Overlay{Services: []string{"web"}, Environments: []string{"production"}}, all, web, config, flag)

	aboutWeb := `{"queryType":"overlay","exprs":["up{service=\"web\"}"]}`
	f(Overlay{}, aboutWeb, web, staging, api, config, flag)
	f(Overlay{Follow: true}, aboutWeb, web, staging, config, flag)
	f(Overlay{Follow: true, Kinds: []string{flagFlip}}, aboutWeb, flag)
	f(Overlay{Follow: true}, `{"queryType":"overlay","exprs":["up{service="]}`, web, staging, api, config, flag)

	f(Overlay{}, `{"queryType":"overlay","except":[{"kinds":["deploy"]}]}`, config, flag)
	f(Overlay{}, `{"queryType":"overlay","except":[{"kinds":["deploy"],"services":["web"]},{"statuses":["failed"]}]}`, config, flag)
	f(Overlay{}, `{"queryType":"overlay","except":[{}]}`)
	f(Overlay{}, `{"queryType":"overlay","except":[{"kinds":["deploy"],"who":["ann"]}]}`, web, staging, api, config, flag)
}

// What an annotation query draws by who made it is not drawn again, also where
// it is one of several of a mark.
func TestWhatIsDrawnAlreadyIsNotDrawnAgain(t *testing.T) {
	ann := lasting(deploy, "web", "", succeeded, time.Hour, time.Hour)
	ann.Who.Name = "ann"
	ben := lasting(deploy, "web", "", succeeded, time.Hour-time.Second, time.Hour-time.Second)
	ben.Who.Name = "ben"
	long := lasting(deploy, "web", "", succeeded, 3*time.Hour, 2*time.Hour)
	long.Who.Name = "ann"
	apart := lasting(deploy, "web", "", succeeded, 4*time.Hour, 4*time.Hour)
	apart.Who.Name = "ann"
	l := newFakeServer(t, ann, ben, long, apart).log()

	counts := func(queryJSON string) map[time.Duration]int64 {
		f := ask(t, l, queryJSON).Frames[0]
		found := make(map[time.Duration]int64)
		for i := range f.Rows() {
			began, _ := f.FieldByName("time")
			count, _ := f.FieldByName("count")
			found[noon.Sub(began.At(i).(time.Time))] = count.At(i).(int64)
		}
		return found
	}
	require.Equal(t, map[time.Duration]int64{4 * time.Hour: 1, 3 * time.Hour: 1, time.Hour: 2}, counts(`{"queryType":"overlay"}`))
	require.Equal(t, map[time.Duration]int64{time.Hour: 1}, counts(`{"queryType":"overlay","except":[{"who":["ann"]}]}`))
	require.Empty(t, counts(`{"queryType":"overlay","except":[{"who":["ann","ben"]}]}`))
}

func TestADashboardAsksOnce(t *testing.T) {
	s := newFakeServer(t, sample()...)
	l := s.log(func(o *Options) { o.Overlay.Kinds = []string{deploy, flagFlip} })
	for i := range 20 {
		response := ask(t, l, fmt.Sprintf(`{"queryType":"overlay","exprs":["up{service=\"web\"} > %d"]}`, i))
		require.NoError(t, response.Error)
	}
	asked := s.asked(marksEndpoint)
	require.Len(t, asked, 1)
	require.Equal(t, []string{deploy, flagFlip}, asked[0]["kind"])
	require.Empty(t, asked[0]["service"])
}

func TestAnOverlayThatIsOffAsksNothing(t *testing.T) {
	s := newFakeServer(t, sample()...)
	require.Empty(t, drawnTitles(t, s.log(func(o *Options) { o.Overlay.Enabled = false }), `{"queryType":"overlay"}`))
	require.Empty(t, s.requests)
}

// What is drawn stays when the list of it cannot be had.
func TestLogLinesThatFailAreANotice(t *testing.T) {
	s := newFakeServer(t, sample()...)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != listEndpoint {
			return false
		}
		http.Error(w, "no", http.StatusInternalServerError)
		return true
	}
	response := ask(t, s.log(), `{"queryType":"overlay","logs":true}`)
	require.NoError(t, response.Error)
	require.Len(t, response.Frames, 1)
	require.NotZero(t, response.Frames[0].Rows())
	require.Contains(t, response.Frames[0].Meta.Notices[0].Text, "The changes are not listed: ")
}

// What a busy log has of others takes no place in the list of a panel.
func TestALogLineForEachChangeOfThePanel(t *testing.T) {
	changes := few()
	for i := range 1500 {
		changes = append(changes, lasting(restart, "busy", "production", succeeded, time.Duration(i)*time.Second, time.Duration(i)*time.Second))
	}
	s := newFakeServer(t, changes...)
	f := func(name, exprs string, want ...string) {
		t.Run(name, func(t *testing.T) {
			response := ask(t, s.log(), `{"queryType":"overlay","logs":true,"exprs":[`+exprs+`]}`)
			require.NoError(t, response.Error)
			require.Len(t, response.Frames, 2)
			var got []string
			for _, id := range texts(t, response.Frames[1], "id") {
				name, _, _ := strings.Cut(id, "production-")
				got = append(got, name)
			}
			require.Equal(t, want, got)
			require.Empty(t, response.Frames[1].Meta.Notices)
		})
	}
	global := []string{"flag---3600000", "config--"}
	f("one service", `"up{service=\"web\"}"`, append(global, "deploy-web-staging-14400000", "deploy-web-")...)
	f("an expression", `"up{service=~\"w.*|none\"}"`, append(global, "deploy-web-staging-14400000", "deploy-web-")...)
	f("a service in an environment", `"up{service=\"web\",environment=\"production\"}"`, append(global, "deploy-web-")...)
	f("two of them", `"up{service=\"web\"}","up{service=\"api\"}"`, append(global, "deploy-api-", "deploy-web-staging-14400000", "deploy-web-")...)
	f("one without changes", `"up{service=\"quiet\"}"`, global...)
}

// A panel keeps its metrics when the changes cannot be had.
func TestAnOverlayThatFailsIsANotice(t *testing.T) {
	s := newFakeServer(t)
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "no", http.StatusInternalServerError)
		return true
	}
	response := ask(t, s.log(), `{"queryType":"overlay"}`)
	require.NoError(t, response.Error)
	require.Zero(t, response.Frames[0].Rows())
	require.Len(t, response.Frames[0].Meta.Notices, 1)
	require.Equal(t, data.NoticeSeverityWarning, response.Frames[0].Meta.Notices[0].Severity)
	require.Contains(t, response.Frames[0].Meta.Notices[0].Text, "The changes are not drawn: ")

	response = ask(t, s.log(), `{"queryType":"changes","as":"annotations"}`)
	require.Error(t, response.Error)
	require.Equal(t, backend.ErrorSourceDownstream, response.ErrorSource)
	require.Equal(t, backend.StatusInternal, response.Status)

	s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, `{"title":"Unprocessable Entity","status":422,"detail":"status: must be one of planned, running"}`, http.StatusUnprocessableEntity)
		return true
	}
	response = ask(t, s.log(), `{"queryType":"changes","filter":{"statuses":["done"]}}`)
	require.ErrorContains(t, response.Error, "must be one of")
	require.EqualValues(t, http.StatusUnprocessableEntity, response.Status)
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	l := newLog(&stubServer{get: func(context.Context, string, url.Values) (any, error) {
		return marks{Total: 12000, Omitted: 7000}, nil
	}})
	for _, q := range []string{`{"queryType":"overlay"}`, `{"queryType":"changes","as":"annotations"}`} {
		f := ask(t, l, q).Frames[0]
		require.Len(t, f.Meta.Notices, 1)
		require.Contains(t, f.Meta.Notices[0].Text, "7000 changes")
	}
}

func TestAnnotationsAskForTheirFilter(t *testing.T) {
	s := newFakeServer(t, few()...)
	response := ask(t, s.log(), `{"queryType":"changes","as":"annotations","filter":{
		"kinds":["deploy"],"services":["web",""],"environments":["staging"],"statuses":["succeeded"],"labels":{"tier":"1","none":""},"text":"checkout"}}`)
	require.NoError(t, response.Error)
	require.Len(t, texts(t, response.Frames[0], "title"), 1)
	asked := s.asked(marksEndpoint)
	require.Len(t, asked, 1)
	for name, want := range map[string][]string{
		"kind": {"deploy"}, "service": {"web"}, "environment": {"staging"}, "status": {"succeeded"}, "label.tier": {"1"}, "q": {"checkout"}, "limit": {"2000"},
	} {
		require.Equal(t, want, asked[0][name], name)
	}
	require.NotContains(t, asked[0], "label.none")
}

func TestQueriesThatCannotBeAnswered(t *testing.T) {
	l := newLog(&stubServer{get: func(context.Context, string, url.Values) (any, error) { return nil, errors.New("asked") }})
	for queryJSON, want := range map[string]string{
		`{"queryType":"metrics"}`:              "say overlay, changes, last, flags or timeline",
		`{"queryType":"changes","as":"song"}`:  "say table, annotations or logs",
		`{"queryType":"timeline","of":"song"}`: "say versions or flags",
		`{"limit":"many"}`:                     "is no query of the change log",
	} {
		response := ask(t, l, queryJSON)
		require.ErrorContains(t, response.Error, want)
		require.Equal(t, backend.StatusBadRequest, response.Status, queryJSON)
	}
	response := l.Query(t.Context(), backend.DataQuery{JSON: []byte(`{"queryType":"last"}`)})
	require.ErrorContains(t, response.Error, "ends")
}
