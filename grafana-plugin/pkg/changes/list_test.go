package changes

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

// notices returns what is said about a response.
func notices(response backend.DataResponse) []string {
	var all []string
	for _, f := range response.Frames {
		if f.Meta != nil {
			for _, n := range f.Meta.Notices {
				all = append(all, n.Text)
			}
		}
	}
	return all
}

func TestTablesPageUpToTheirLimit(t *testing.T) {
	var changes []Change
	for i := range 2500 {
		changes = append(changes, lasting(deploy, "web", "", succeeded, time.Duration(i+1)*time.Second, time.Duration(i+1)*time.Second))
	}
	f := func(limit, rows, pages int, said string) {
		t.Helper()
		s := newFakeServer(t, changes...)
		response := ask(t, s.log(), fmt.Sprintf(`{"queryType":"changes","limit":%d}`, limit))
		require.NoError(t, response.Error)
		require.Equal(t, rows, response.Frames[0].Rows())
		require.Len(t, s.asked(listEndpoint), pages)
		if said == "" {
			require.Empty(t, notices(response))
			return
		}
		require.Len(t, notices(response), 1)
		require.Contains(t, notices(response)[0], said)
	}
	f(0, 1000, 1, "The newest 1000 of 2500 changes are shown; 1500 more are not.")
	f(1, 1, 1, "The newest 1 of 2500 changes")
	f(1700, 1700, 2, "800 more are not")
	f(2500, 2500, 3, "")
	f(1e9, 2500, 3, "")
}

// A server that gives a cursor and no changes is not asked for ever.
func TestPagesThatLeadNowhere(t *testing.T) {
	next := "x"
	s := &stubServer{get: func(context.Context, string, url.Values) (any, error) { return page{Next: &next}, nil }}
	require.NoError(t, ask(t, newLog(s), `{"queryType":"changes"}`).Error)
	require.LessOrEqual(t, s.asked(), 2)
}

func TestLinksOfATable(t *testing.T) {
	one := lasting(deploy, "web", "", succeeded, time.Hour, time.Hour)
	one.Links = []Link{{Href: "https://x.example/1"}, {Href: "javascript:alert(1)"}}
	two := lasting(deploy, "web", "", succeeded, 2*time.Hour, time.Hour)
	two.Links = []Link{{Href: "https://x.example/1"}, {Href: "http://x.example/2"}}
	links := func(c ...Change) (text string, linked bool) {
		f := ask(t, newFakeServer(t, c...).log(), `{"queryType":"changes"}`).Frames[0]
		field, _ := f.FieldByName("links")
		return texts(t, f, "links")[0], field.Config != nil
	}
	text, linked := links(one)
	require.Equal(t, "https://x.example/1", text)
	require.True(t, linked)
	text, linked = links(two)
	require.Equal(t, "https://x.example/1\nhttp://x.example/2", text)
	require.False(t, linked, "a cell has one link at most")
}

func TestLastIsAsOfTheEndOfTheTimeRange(t *testing.T) {
	s := newFakeServer(t, few()...)
	f := func(end time.Time, at, title string, age time.Duration) {
		t.Helper()
		response := s.log().Query(t.Context(), backend.DataQuery{
			RefID: "A", TimeRange: backend.TimeRange{From: end.Add(-time.Hour), To: end}, JSON: []byte(`{"queryType":"last"}`),
		})
		require.NoError(t, response.Error)
		asked := s.asked(lastEndpoint)
		require.Equal(t, at, asked[len(asked)-1].Get("at"))
		require.Equal(t, []string{title}, texts(t, response.Frames[0], "title"))
		ages, _ := response.Frames[0].FieldByName("age")
		require.Equal(t, age.Seconds(), ages.At(0))
	}
	f(noon, "", "flag", time.Hour)
	f(noon.Add(-recentSlack+1), "", "flag", time.Hour)
	f(noon.Add(10*time.Minute), "", "flag", time.Hour)
	f(ago(150*time.Minute), "2026-11-23T09:30:00.000Z", "deploy api", 30*time.Minute)

	none := ask(t, newFakeServer(t).log(), `{"queryType":"last"}`)
	require.NoError(t, none.Error)
	require.Zero(t, none.Frames[0].Rows())
}

func TestFlagsAreAsTheyWereLeft(t *testing.T) {
	flip := func(status string, began time.Duration, value string) Change {
		c := lasting(flagFlip, "web", "", status, began, began)
		c.Flag = &Flag{Key: "checkout", To: FlagValue(value)}
		return c
	}
	s := newFakeServer(t, flip(succeeded, 3*time.Hour, "on"), flip(failed, 2*time.Hour, "off"), flip(planned, -time.Minute, "gone"))
	f := ask(t, s.log(), `{"queryType":"flags"}`).Frames[0]
	require.Equal(t, []string{"on"}, texts(t, f, "value"))

	cut := newLog(&stubServer{get: func(context.Context, string, url.Values) (any, error) {
		return page{Changes: []Change{flip(succeeded, 0, "on")}, Omitted: 7}, nil
	}})
	require.Equal(t, []string{"1 are shown, 7 more are not. Narrow the selection."}, notices(ask(t, cut, `{"queryType":"flags"}`)))
}
