//go:build e2e

package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// ago writes a time before now as the API takes it.
func ago(d time.Duration) string {
	return time.Now().Add(-d).UTC().Format(time.RFC3339Nano)
}

// TestQueries asks a real Tidemark every type of query through the backend.
func TestQueries(t *testing.T) {
	p := start(t)
	p.record(t, fmt.Sprintf(`{"kind":"deploy","service":"web","environment":"production","version":"v41","status":"succeeded",
		"title":"deploy web v41","who":"ann","start":%q,"end":%q}`, ago(9*time.Minute), ago(8*time.Minute)))
	p.record(t, fmt.Sprintf(`{"kind":"deploy","service":"api","environment":"production","version":"v7","status":"failed",
		"title":"deploy api v7","who":"ben","start":%q,"end":%q}`, ago(6*time.Minute), ago(5*time.Minute)))
	p.record(t, fmt.Sprintf(`{"kind":"flag","service":"web","environment":"production","status":"succeeded","title":"new-checkout on",
		"who":"ann","flag":{"key":"new-checkout","from":"off","to":"on"},"start":%q,"end":%q}`, ago(4*time.Minute), ago(4*time.Minute)))
	newest := p.record(t, fmt.Sprintf(`{"kind":"deploy","service":"web","environment":"production","version":"v42","previous_version":"v41",
		"status":"succeeded","title":"deploy web v42","who":"ann","start":%q,"end":%q}`, ago(3*time.Minute), ago(2*time.Minute)))
	p.waitSamples(t, `rate(node_cpu_seconds_total[1m])`)

	t.Run("a range query answers with a frame for each series", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","expr":"sum by (mode) (node_cpu_seconds_total)","range":true,"interval":"1s","legendFormat":"{{mode}}"}`})
		require.Greater(t, len(frames), 3)
		for _, frame := range frames {
			require.Equal(t, data.FrameTypeTimeSeriesMulti, frame.Meta.Type)
			require.NotEmpty(t, frame.Fields[1].Labels["mode"])
			require.Equal(t, frame.Fields[1].Labels["mode"], frame.Fields[1].Config.DisplayNameFromDS)
		}
	})
	t.Run("neither range nor instant is range, as for Grafana's Prometheus", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","expr":"up"}`})
		require.NotEmpty(t, frames)
		require.Equal(t, data.FrameTypeTimeSeriesMulti, frames[0].Meta.Type)
	})
	t.Run("every macro of Grafana's is replaced", func(t *testing.T) {
		for expr, want := range map[string]string{
			`rate(node_cpu_seconds_total[$__rate_interval])`: "[1m",
			`rate(node_cpu_seconds_total[${__interval}])`:    "[15s]",
			`vector($__interval_ms)`:                         "vector(15000)",
			`vector($__rate_interval_ms)`:                    "vector(60000)",
			`count_over_time(up[$__range])`:                  "[601s]",
			`vector($__range_s)`:                             "vector(601)",
			`vector(${__range_ms})`:                          "vector(601000)",
		} {
			frames := p.ask(t, asked{json: fmt.Sprintf(`{"refId":"A","expr":%q,"range":true}`, expr)})
			require.NotEmpty(t, frames, expr)
			require.Contains(t, frames[0].Meta.ExecutedQueryString, want, expr)
			require.NotContains(t, frames[0].Meta.ExecutedQueryString, "$", expr)
		}
	})
	t.Run("an alert rule's instant query answers with a number for each series", func(t *testing.T) {
		frames := p.ask(t, asked{alert: true, json: `{"refId":"A","expr":"up","instant":true,"range":false}`})
		require.Len(t, frames, 2) // the host and Tidemark itself
		for _, frame := range frames {
			require.Equal(t, data.FrameTypeNumericMulti, frame.Meta.Type)
			require.InDelta(t, 1, lastValue(t, frame), 0)
		}
	})
	t.Run("an alert rule can ask about changes", func(t *testing.T) {
		frames := p.ask(t, asked{alert: true, json: `{"refId":"A","instant":true,
			"expr":"sum by (status) (increase(tidemark_changes_total{kind=\"deploy\"}[1h]))"}`})
		counts := map[string]float64{}
		for _, frame := range frames {
			require.Empty(t, frame.Meta.Channel, "a rule is no stream")
			for _, field := range frame.Fields {
				if status := field.Labels["status"]; status != "" {
					counts[status] = lastValue(t, frame)
				}
			}
		}
		require.Equal(t, map[string]float64{"succeeded": 2, "failed": 1}, counts)
	})
	t.Run("an expression that does not parse is refused in the server's words", func(t *testing.T) {
		answer := p.answer(t, asked{json: `{"refId":"A","expr":"rate(up[5m]","range":true}`})
		require.ErrorContains(t, answer.Error, "parse error")
		require.ErrorContains(t, answer.Error, "unclosed left parenthesis")
	})
	t.Run("changes are rows, the newest first", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"changes","filter":{"kinds":["deploy"]}}`})
		require.Len(t, frames, 1)
		require.Equal(t, []string{"deploy web v42", "deploy api v7", "deploy web v41"}, column(t, frames[0], "title"))
		require.Equal(t, []string{"ann", "ben", "ann"}, column(t, frames[0], "who"))
		require.Equal(t, newest, column(t, frames[0], "id")[0])
	})
	t.Run("changes that are cut say how many more there are", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"changes","limit":1}`})
		require.Len(t, frames, 1)
		require.Equal(t, 1, frames[0].Rows())
		require.Len(t, frames[0].Meta.Notices, 1)
		require.Contains(t, frames[0].Meta.Notices[0].Text, "3 more")
	})
	t.Run("changes are log lines for Explore", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"changes","as":"logs"}`})
		require.Len(t, frames, 1)
		require.Equal(t, data.FrameTypeLogLines, frames[0].Meta.Type)
		require.Len(t, column(t, frames[0], "body"), 4)
	})
	t.Run("an annotation query's frame is what Grafana draws", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"Anno","queryType":"changes","as":"annotations","filter":{"services":["web"]}}`})
		require.Len(t, frames, 1)
		require.Contains(t, fmt.Sprint(column(t, frames[0], "title")), "v42")
		require.Len(t, column(t, frames[0], "timeEnd"), frames[0].Rows())
		require.NotContains(t, column(t, frames[0], "service"), "api")
	})
	t.Run("the overlay draws the changes of what the panel is about", func(t *testing.T) {
		frame := frameNamed(t, p.ask(t, asked{json: `{"refId":"__changes","queryType":"overlay",
			"exprs":["rate(http_requests_total{service=\"web\"}[5m])"]}`}), "changes")
		require.Equal(t, data.DataTopicAnnotations, frame.Meta.DataTopic)
		names := make([]string, 0, len(frame.Fields))
		for _, field := range frame.Fields {
			names = append(names, field.Name)
		}
		require.Equal(t, []string{"time", "timeEnd", "title", "text", "tags", "isRegion", "color", "id"}, names[:8])
		require.NotContains(t, column(t, frame, "service"), "api", "the panel is about web")
		require.Contains(t, column(t, frame, "service"), "web")
	})
	t.Run("the overlay without a service draws all, and a failed one is red", func(t *testing.T) {
		frame := frameNamed(t, p.ask(t, asked{json: `{"refId":"__changes","queryType":"overlay","exprs":["up"]}`}), "changes")
		colors := map[string]string{}
		for i, status := range column(t, frame, "status") {
			colors[status] = column(t, frame, "color")[i]
		}
		require.Contains(t, colors, "failed")
		require.NotEqual(t, colors["failed"], colors["succeeded"])
	})
	t.Run("the overlay leaves out what an annotation query draws already", func(t *testing.T) {
		frame := frameNamed(t, p.ask(t, asked{json: `{"refId":"__changes","queryType":"overlay","exprs":["up"],
			"except":[{"kinds":["deploy"]}]}`}), "changes")
		require.NotContains(t, column(t, frame, "kind"), "deploy")
		require.Contains(t, column(t, frame, "kind"), "flag")
	})
	t.Run("the last change is one row", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"last"}`})
		require.Len(t, frames, 1)
		require.Equal(t, []string{"deploy web v42"}, column(t, frames[0], "title"))
	})
	t.Run("the last change of each service is a row each", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"last","per":"service"}`})
		require.Len(t, frames, 1)
		require.ElementsMatch(t, []string{"api", "web"}, column(t, frames[0], "service"))
	})
	t.Run("flags are as they stand", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"flags"}`})
		require.Len(t, frames, 1)
		require.Equal(t, []string{"new-checkout"}, column(t, frames[0], "flag"))
		require.Equal(t, []string{"on"}, column(t, frames[0], "value"))
	})
	t.Run("the timeline of versions begins with what ran before the range", func(t *testing.T) {
		frames := p.ask(t, asked{span: 7 * time.Minute, json: `{"refId":"A","queryType":"timeline","of":"versions","filter":{"services":["web"]}}`})
		require.Len(t, frames, 1)
		require.Len(t, frames[0].Fields, 2)
		require.Equal(t, []string{"v41", "v42"}, column(t, frames[0], frames[0].Fields[1].Name))
	})
	t.Run("the timeline of flags", func(t *testing.T) {
		frames := p.ask(t, asked{json: `{"refId":"A","queryType":"timeline","of":"flags"}`})
		require.Len(t, frames, 1)
		values := column(t, frames[0], frames[0].Fields[1].Name)
		require.Equal(t, "on", values[len(values)-1])
	})
}
