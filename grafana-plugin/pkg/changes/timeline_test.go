package changes

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

// timelinesOf describes the frames of a response, a line each.
func timelinesOf(t *testing.T, response backend.DataResponse) []string {
	t.Helper()
	require.NoError(t, response.Error)
	var lines []string
	for _, f := range response.Frames {
		line := f.Name + ":"
		for i := range f.Rows() {
			line += fmt.Sprintf(" %v %s", f.Fields[0].At(i).(time.Time).UTC().Format("15:04"), f.Fields[1].At(i))
		}
		lines = append(lines, line)
	}
	return lines
}

// versionsRan answers the query for the versions that ran, as Prometheus does.
func versionsRan(series ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != queryEndpoint {
			return false
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","warnings":["some are missing"],"data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
		return true
	}
}

func TestVersionTimeline(t *testing.T) {
	release := func(service, environment, status, before, version string, began, ended time.Duration) Change {
		c := lasting(deploy, service, environment, status, began, ended)
		c.PreviousVersion, c.Version = before, version
		return c
	}
	s := newFakeServer(t,
		release("web", "production", succeeded, "v1", "v2", 5*time.Hour, 4*time.Hour),
		release("web", "production", failed, "v2", "v3", 3*time.Hour, 2*time.Hour),
		release("web", "production", succeeded, "v2", "v3", 2*time.Hour, time.Hour),
		release("web", "staging", succeeded, "v8", "v9", 7*time.Hour, 5*time.Hour), // began before
		release("api", "", succeeded, "", "v1", 4*time.Hour, 4*time.Hour),
		release("db", "", succeeded, "", "v5", 30*time.Hour, 30*time.Hour),
	)
	s.answer = versionsRan(
		`{"metric":{"__name__":"tidemark_version_info","service":"web","environment":"production","version":"v1"},"value":[0,"1"]}`,
		`{"metric":{"__name__":"tidemark_version_info","service":"db","version":"v5"},"value":[0,"1"]}`,
	)
	response := ask(t, s.log(), `{"queryType":"timeline"}`)
	require.Equal(t, []string{
		"api: 08:00 v1",
		"db: 06:00 v5",
		"web production: 06:00 v1 08:00 v2 11:00 v3",
		"web staging: 06:00 v8 07:00 v9",
	}, timelinesOf(t, response))
	require.Equal(t, []string{"some are missing"}, notices(response))

	ask(t, s.log(), `{"queryType":"timeline","of":"versions","filter":{"services":["we.b","a\"pi"],"environments":["production"]}}`)
	asked := s.asked(queryEndpoint)
	require.Equal(t, `tidemark_version_info{service=~"we\\.b|a\"pi",environment=~"production"}`, asked[len(asked)-1].Get("query"))
	require.Equal(t, fmt.Sprintf("%d.000", morning.From.Unix()), asked[len(asked)-1].Get("time"))

	require.Equal(t, []string{"api: 08:00 v1", "db: 06:00 v5"}, timelinesOf(t, ask(t, s.log(), `{"queryType":"timeline","limit":2}`)))
}

func TestFlagTimeline(t *testing.T) {
	flip := func(key, status, from, to string, began time.Duration) Change {
		c := lasting(flagFlip, "", "", status, began, began)
		c.Flag = &Flag{Key: key, From: FlagValue(from), To: FlagValue(to)}
		return c
	}
	s := newFakeServer(t,
		flip("known", succeeded, "off", "on", 8*time.Hour), flip("known", succeeded, "on", "off", 3*time.Hour), flip("known", failed, "off", "on", 2*time.Hour),
		flip("first", succeeded, "10 %", "50 %", 3*time.Hour),
		flip("quiet", succeeded, "off", "on", 40*time.Hour),
		flip("twice", succeeded, "", "a", time.Hour), flip("twice", succeeded, "a", "b", time.Hour),
	)
	require.Equal(t, []string{
		"first: 06:00 10 % 09:00 50 %",
		"known: 06:00 on 09:00 off",
		"quiet: 06:00 on",
		"twice: 11:00 b",
	}, timelinesOf(t, ask(t, s.log(), `{"queryType":"timeline","of":"flags"}`)))
	require.Empty(t, ask(t, newFakeServer(t).log(), `{"queryType":"timeline","of":"flags"}`).Frames)
}

func TestTimelinesAreBounded(t *testing.T) {
	lines := newTimelines(span{ago(time.Hour), noon})
	for i := range maxTimelines + 5 {
		lines.begin(track{service: fmt.Sprint(i)}, "v1")
	}
	frames, omitted := lines.frames(maxLimit)
	require.Len(t, frames, maxTimelines)
	require.Equal(t, 5, omitted)
}
