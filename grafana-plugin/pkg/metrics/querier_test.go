package metrics

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden frames of testdata anew")

func TestFrames(t *testing.T) {
	var (
		overTime = map[string]string{rangeEndpoint: "matrix"}
		atOnce   = map[string]string{instantEndpoint: "vector"}
	)
	f := func(name, fields string, answers map[string]string, occasion Occasion) {
		t.Run(name, func(t *testing.T) {
			q := New(fromFiles(t, answers), testOptions())
			resp := q.Query(t.Context(), ask(fields), occasion)
			require.NoError(t, resp.Error)
			experimental.CheckGoldenJSONResponse(t, "testdata", name, &resp, *update)
		})
	}
	f("range", `"expr":"up","interval":"60s"`, overTime, Occasion{})
	f("range_auto", `"expr":"up","interval":"60s","legendFormat":"__auto"`, overTime, Occasion{})
	f("range_legend", `"expr":"up","interval":"60s","legendFormat":"{{instance}} of {{ job }}{{none}}"`, overTime, Occasion{})
	f("range_table", `"expr":"up","interval":"60s","format":"table"`, overTime, Occasion{})
	f("range_rule", `"expr":"up","interval":"60s","format":"table"`, overTime, Occasion{ByRule: true})
	f("range_empty", `"expr":"up"`, map[string]string{rangeEndpoint: "empty"}, Occasion{})
	f("instant", `"expr":"up","instant":true`, atOnce, Occasion{})
	f("instant_table", `"expr":"up","instant":true,"format":"table"`, atOnce, Occasion{Tables: 1})
	f("instant_tables", `"expr":"up","instant":true,"format":"table"`, atOnce, Occasion{Tables: 2})
	f("instant_empty", `"expr":"up","instant":true,"format":"table"`, map[string]string{instantEndpoint: "empty"}, Occasion{})
	f("scalar", `"expr":"42","instant":true`, map[string]string{instantEndpoint: "scalar"}, Occasion{})
	f("string", `"expr":"\"42\"","instant":true`, map[string]string{instantEndpoint: "string"}, Occasion{})
	f("both", `"expr":"up","interval":"60s","range":true,"instant":true`, map[string]string{rangeEndpoint: "matrix", instantEndpoint: "vector"}, Occasion{})
	f("native", `"expr":"rate(x[5m])","interval":"60s"`, map[string]string{rangeEndpoint: "native"}, Occasion{})
	f("native_instant", `"expr":"x","instant":true,"legendFormat":"{{job}}"`, map[string]string{instantEndpoint: "native_vector"}, Occasion{})
	f("heatmap", `"expr":"sum by (le) (rate(x[5m]))","interval":"60s","format":"heatmap"`, map[string]string{rangeEndpoint: "buckets"}, Occasion{})
	f("exemplars", `"expr":"latency","interval":"60s","exemplar":true`,
		map[string]string{rangeEndpoint: "matrix", exemplarEndpoint: "exemplars"}, Occasion{})
	f("exemplars_missing", `"expr":"latency","interval":"60s","exemplar":true`, overTime, Occasion{})
	f("exemplars_rule", `"expr":"latency","interval":"60s","exemplar":true`, overTime, Occasion{ByRule: true})
}

func TestWhatTheServerIsAsked(t *testing.T) {
	server := fromFiles(t, map[string]string{rangeEndpoint: "matrix", instantEndpoint: "vector", exemplarEndpoint: "exemplars"})
	resp := New(server, testOptions()).Query(t.Context(),
		ask(`"expr":" rate(x[$__rate_interval]) ","range":true,"instant":true,"exemplar":true,"interval":"20s"`), Occasion{})
	require.NoError(t, resp.Error)

	form := server.of(t, rangeEndpoint)
	require.Equal(t, "rate(x[1m20s])", form.Get("query"))
	require.Equal(t, "1700000100", form.Get("start"))
	require.Equal(t, "1700000220", form.Get("end"))
	require.Equal(t, "20", form.Get("step"))
	require.Equal(t, "60s", form.Get("timeout"))

	form = server.of(t, instantEndpoint)
	require.Equal(t, "rate(x[1m20s])", form.Get("query"))
	require.Equal(t, "1700000230", form.Get("time"))

	form = server.of(t, exemplarEndpoint)
	require.Equal(t, "1700000101", form.Get("start"))
	require.Equal(t, "1700000230", form.Get("end"))
}

func TestSeriesShareTheirTimes(t *testing.T) {
	resp := New(fromFiles(t, map[string]string{rangeEndpoint: "matrix"}), testOptions()).Query(t.Context(), ask(`"expr":"up"`), Occasion{})
	require.NoError(t, resp.Error)
	require.Len(t, resp.Frames, 3)
	require.NotSame(t, resp.Frames[0].Fields[0], resp.Frames[1].Fields[0], "the second has a gap")
	require.Same(t, resp.Frames[0].Fields[0], resp.Frames[2].Fields[0])
}

func TestARuleNeedsNumbers(t *testing.T) {
	q := New(fromFiles(t, map[string]string{instantEndpoint: "native_vector"}), testOptions())
	resp := q.Query(t.Context(), ask(`"expr":"x","instant":true`), Occasion{ByRule: true})
	require.ErrorContains(t, resp.Error, "histogram_quantile")
}

func TestNothingIsAskedForNoExpression(t *testing.T) {
	server := &fakeServer{}
	resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"  "`), Occasion{})
	require.NoError(t, resp.Error)
	require.Empty(t, resp.Frames)
	require.Empty(t, server.asked)
}

func TestBadQueries(t *testing.T) {
	f := func(fields, says string) {
		t.Helper()
		resp := New(&fakeServer{}, testOptions()).Query(t.Context(), ask(fields), Occasion{})
		require.ErrorContains(t, resp.Error, says)
		require.Equal(t, backend.StatusBadRequest, resp.Status)
		require.Equal(t, backend.ErrorSourceDownstream, resp.ErrorSource)
	}
	f(`"expr":1`, "cannot be read")
	f(`"expr":"up","format":"pie"`, `format "pie"`)
	f(`"expr":"up","interval":"soon"`, `min step "soon"`)

	q := ask(`"expr":"up"`)
	q.TimeRange.From, q.TimeRange.To = q.TimeRange.To, q.TimeRange.From
	require.ErrorContains(t, New(&fakeServer{}, testOptions()).Query(t.Context(), q, Occasion{}).Error, "before it begins")
}

func TestBrokenAnswers(t *testing.T) {
	f := func(answer, says string) {
		t.Helper()
		server := &fakeServer{answers: map[string]string{rangeEndpoint: answer}}
		resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"up"`), Occasion{})
		require.ErrorContains(t, resp.Error, says)
		require.Equal(t, backend.ErrorSourceDownstream, resp.ErrorSource, answer)
		require.Empty(t, resp.Frames)
	}
	f(``, "cannot be read")
	f(`<html>`, "cannot be read")
	f(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"]`, "ends where")
	f(`{"status":"error","errorType":"execution","error":"too many samples"}`, "too many samples")
	f(`{"status":"error","data":null,"errorType":"timeout","error":"query timed out"}`, "query timed out")
	f(`{"data":{"resultType":"matrix","result":[]}}`, `status ""`)
}

func TestErrorsOfTheServerArePassedOn(t *testing.T) {
	refusal := errors.New("parse error: unexpected end")
	server := &fakeServer{err: map[string]error{rangeEndpoint: backend.DownstreamError(refusal)}}
	resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"up("`), Occasion{})
	require.ErrorIs(t, resp.Error, refusal)
	require.Equal(t, backend.ErrorSourceDownstream, resp.ErrorSource)
}

func TestWhatIsTooLargeIsCut(t *testing.T) {
	cut := func(maxPoints int, fields string, occasion Occasion) backend.DataResponse {
		opts := testOptions()
		opts.MaxPoints = maxPoints
		return New(fromFiles(t, map[string]string{rangeEndpoint: "matrix"}), opts).Query(t.Context(), ask(fields), occasion)
	}
	f := func(maxPoints, shown int, says string) {
		t.Helper()
		resp := cut(maxPoints, `"expr":"up"`, Occasion{})
		require.NoError(t, resp.Error)
		frames := 0
		for _, frame := range resp.Frames {
			if len(frame.Fields) > 0 {
				frames++
			}
		}
		require.Equal(t, shown, frames)
		notices := resp.Frames[0].Meta.Notices
		if says == "" {
			require.Len(t, notices, 2, "the server's own")
			return
		}
		require.Len(t, notices, 3)
		require.Equal(t, data.NoticeSeverityWarning, notices[0].Severity)
		require.Contains(t, notices[0].Text, says)
	}
	f(8, 3, "")
	f(7, 2, "2 of 3 series are shown, because one result may hold 7 samples")
	f(4, 1, "1 of 3 series")
	f(2, 0, "0 of 3 series")

	// Rows of a table have a cell for each label as well.
	require.Contains(t, cut(20, `"expr":"up","format":"table"`, Occasion{}).Frames[0].Meta.Notices[0].Text, "1 of 3 series")
	// Nobody sees the notice of a rule, and a rule must not go by a part.
	resp := cut(7, `"expr":"up"`, Occasion{ByRule: true})
	require.ErrorContains(t, resp.Error, "2 of 3 series")
	require.Equal(t, backend.ErrorSourceDownstream, resp.ErrorSource)
}

func TestHistogramsAreCutToo(t *testing.T) {
	opts := testOptions()
	opts.MaxPoints = 3
	resp := New(fromFiles(t, map[string]string{rangeEndpoint: "native"}), opts).Query(t.Context(), ask(`"expr":"x"`), Occasion{})
	require.NoError(t, resp.Error)
	require.Contains(t, resp.Frames[0].Meta.Notices[0].Text, "0 of 2 series")
}

func TestManySeriesAreCut(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"status":"success","data":{"resultType":"vector","result":[`)
	for i := range maxSeries + 10 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"metric":{"i":"%d"},"value":[1,"1"]}`, i)
	}
	b.WriteString(`]}}`)
	server := &fakeServer{answers: map[string]string{instantEndpoint: b.String()}}
	resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"up","instant":true`), Occasion{})
	require.NoError(t, resp.Error)
	require.Len(t, resp.Frames, maxSeries)
	require.Contains(t, resp.Frames[0].Meta.Notices[0].Text, "20,000 of 20,010 series")
}

func TestRequestsWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := testOptions()
		opts.Concurrency = 1
		q := New(fromFiles(t, map[string]string{rangeEndpoint: "matrix"}), opts)
		done, err := q.enter(t.Context())
		require.NoError(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		resp := q.Query(ctx, ask(`"expr":"up"`), Occasion{})
		require.ErrorIs(t, resp.Error, context.DeadlineExceeded)

		done()
		resp = q.Query(t.Context(), ask(`"expr":"up"`), Occasion{})
		require.NoError(t, resp.Error)
		require.Equal(t, backend.Status(http.StatusOK), resp.Status)
	})
}
