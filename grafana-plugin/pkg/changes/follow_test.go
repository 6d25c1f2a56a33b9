package changes

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

func newTestFollower() follower {
	return newFollower(parser.NewParser(parserOptions()), []string{"service", "service_name"}, []string{"environment"})
}

// places are services and environments, global ones among them.
var places = [][2]string{
	{"web", "production"}, {"web", "staging"}, {"web", ""}, {"api", "production"}, {"api", ""}, {"", "production"}, {"", "staging"}, {"", ""},
}

func TestPanelsFollowTheirLabels(t *testing.T) {
	all := "web/production web/staging web/ api/production api/ /production /staging /"
	f := func(want string, exprs ...string) {
		t.Helper()
		followed := newTestFollower().selectorsOf(exprs)
		var got []string
		for _, p := range places {
			if followed.accepts(p[0], p[1]) {
				got = append(got, p[0]+"/"+p[1])
			}
		}
		require.Equal(t, want, strings.Join(got, " "), "%q", exprs)
	}
	web := "web/production web/staging web/ /production /staging /"
	f(web, `up{service="web"}`)
	f(web, `sum by (code) (rate(http_requests_total{service="web", code=~"5.."}[$__rate_interval]))`)
	f(web, `rate(x{service="web"}[${__interval}]) / $__interval_ms > ${__range_s} * $__range_ms`)
	f(web, `max_over_time(x{service=~"we.|front"}[$__range:[[__interval]]] offset $__rate_interval)`)
	f(web, `x{service_name!~"api|db"}`)
	f(web, `x{service!="api"}`)
	f(web, `{"http.server.duration", service="web"}`)
	f(web, `x{service=~"web|api", service_name="web"}`)
	f("web/production web/ /production /", `x{service="web", environment="production"}`)
	f("web/production web/ api/production api/ /production /", `x{environment="production"}`)
	// Any selector of any expression will do.
	f("web/staging web/ api/production api/ /production /staging /", `x{service="web",environment="staging"} + x{service="api"}`)
	f(all, `x{service="web"}`, `x{service="api"}`)
	f(all, `x{service="web"} / on () group_left () sum(up)`)
	// What says nothing draws all.
	f(all)
	f(all, "", "  ")
	f(all, `vector(1)`)
	f(all, `up`)
	f(web, `time()`, `up{service="web"}`)
	f(all, `x{service=""} or x{service="web"} or x{service="api"}`)
	f("/production /staging /", `x{service="db"}`)
	// What cannot be read draws all.
	f(all, `sum(rate(x{service="web"}[5m])`)
	f(all, `x{service="web"}`, `and then`)
	f(all, `x{service="web"}[$custom]`)
	f(all, strings.Repeat(" ", maxExprBytes)+`x{service="web"}`)
	f(all, append(make([]string, maxExprs), `x{service="web"}`)...)
}

func FuzzSelectorsOf(f *testing.F) {
	for _, expr := range []string{`up{service="web"}`, `rate(x{service=~"a|b"}[$__rate_interval])`, `${__range`, `x{service=~"("}`} {
		f.Add(expr)
	}
	follow := newTestFollower()
	f.Fuzz(func(t *testing.T, expr string) {
		followed := follow.selectorsOf([]string{expr})
		require.True(t, followed.accepts("", ""), "what is global concerns all")
		followed.accepts("web", "production")
	})
}
