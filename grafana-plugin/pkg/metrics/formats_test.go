package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/columns"
)

// serverFile returns what the server's own tests hold to be an answer.
func serverFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "query", "promapi", "columns", "testdata", name))
	require.NoError(t, err)
	return string(b)
}

// queryBoth asks for the server's answer of that name in JSON and in columns.
func queryBoth(t *testing.T, name string, maxPoints int, query backend.DataQuery, occasion Occasion) (fromJSON, fromColumns backend.DataResponse) {
	t.Helper()
	opts := testOptions()
	opts.MaxPoints = maxPoints
	as := func(file, contentType string) backend.DataResponse {
		text := serverFile(t, file)
		server := &fakeServer{answers: map[string]string{rangeEndpoint: text, instantEndpoint: text}, contentType: contentType}
		return New(server, opts).Query(t.Context(), query, occasion)
	}
	return as(name+".json", "application/json"), as(name+".columns", columns.MediaType)
}

// TestBothFormatsComeToTheSame: what is drawn does not depend on how it came,
// and where a result is cut neither.
func TestBothFormatsComeToTheSame(t *testing.T) {
	for name, fields := range map[string]string{
		"matrix": `"expr":"up","interval":"60s"`,
		"vector": `"expr":"up","instant":true`,
		"empty":  `"expr":"up"`,
	} {
		for _, fields := range []string{fields, fields + `,"legendFormat":"{{instance}}"`, fields + `,"format":"table"`, fields + `,"format":"heatmap"`} {
			for _, maxPoints := range []int{0, 2, 3, 5, 12, 13, 26, 40, 100} {
				for _, occasion := range []Occasion{{}, {ByRule: true}} {
					fromJSON, fromColumns := queryBoth(t, name, maxPoints, ask(fields), occasion)
					require.Equal(t, fromJSON.Error, fromColumns.Error)
					want, err := json.Marshal(fromJSON.Frames)
					require.NoError(t, err)
					got, err := json.Marshal(fromColumns.Frames)
					require.NoError(t, err)
					require.JSONEq(t, string(want), string(got), "%s of %d samples", fields, maxPoints)
				}
			}
		}
	}
}

func TestValuesInColumnsAreKeptBitForBit(t *testing.T) {
	fromJSON, fromColumns := queryBoth(t, "matrix", 100, ask(`"expr":"up"`), Occasion{})
	require.Len(t, fromJSON.Frames, 4)
	first := fromColumns.Frames[2].Fields[1].At(0).(float64)
	require.Equal(t, uint64(0x7ff0000000000002), math.Float64bits(first), "the marker of an end")
}

// TestTheTypeSaysHowToRead: a plain Prometheus and an older Tidemark do not know
// columns, and answer with JSON.
func TestTheTypeSaysHowToRead(t *testing.T) {
	f := func(contentType, file string) {
		t.Helper()
		server := &fakeServer{answers: map[string]string{rangeEndpoint: serverFile(t, file)}, contentType: contentType}
		resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"up"`), Occasion{})
		require.NoError(t, resp.Error)
		require.Len(t, resp.Frames, 4)
		require.Equal(t, columns.MediaType+", application/json;q=0.9", server.asked[0].accept)
	}
	f("application/json", "matrix.json")
	f("application/json; charset=utf-8", "matrix.json")
	f("text/plain", "matrix.json")
	f("", "matrix.json")
	f(columns.MediaType, "matrix.columns")
	f(strings.ToUpper(columns.MediaType)+"; a=b", "matrix.columns")
}

func TestOnlySamplesAreAskedForInColumns(t *testing.T) {
	server := fromFiles(t, map[string]string{rangeEndpoint: "matrix", instantEndpoint: "vector", exemplarEndpoint: "exemplars"})
	resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"x","range":true,"instant":true,"exemplar":true`), Occasion{})
	require.NoError(t, resp.Error)
	accepts := map[string]string{}
	for _, a := range server.asked {
		accepts[a.endpoint] = a.accept
	}
	require.Equal(t, map[string]string{
		rangeEndpoint: acceptAnswers, instantEndpoint: acceptAnswers, exemplarEndpoint: "application/json",
	}, accepts)
}

func TestBrokenColumns(t *testing.T) {
	whole := serverFile(t, "matrix.columns")
	f := func(answer, says string) {
		t.Helper()
		server := &fakeServer{answers: map[string]string{rangeEndpoint: answer}, contentType: columns.MediaType}
		resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"up"`), Occasion{})
		require.ErrorContains(t, resp.Error, "the server's answer cannot be read: the answer ")
		require.ErrorContains(t, resp.Error, says)
		require.Equal(t, backend.ErrorSourceDownstream, resp.ErrorSource)
		require.Empty(t, resp.Frames)
	}
	for i := range whole {
		f(whole[:i], "")
	}
	matrix := string(appendNumber(appendNumber(nil, columns.ResultType, columns.Matrix), columns.SeriesCount, 1))
	of := func(series []byte) string { return matrix + string(appendBytes(nil, columns.Series, series)) }
	f("", "unknown type 0")
	f(serverFile(t, "matrix.json"), "")
	f(string(appendNumber(nil, columns.ResultType, 3)), "unknown type 3")
	f(string(appendNumber(nil, columns.ResultType, columns.Matrix)), "does not say how many series")
	f(matrix, "0 series where 1 must be")
	f(of(nil)+of(nil)[len(matrix):], "2 series where 1 must be")
	f(of(appendBytes(nil, columns.Labels, []byte("job"))), `the label "job" without a value`)
	f(of(appendBytes(nil, columns.Values, make([]byte, 16))), "2 values with 0 times")
	f(of(appendBytes(nil, columns.Values, make([]byte, 7))), "part of a value")
}

// claims is an answer whose one series says that it is endless, and which
// breaks off behind what it is made of.
type claims struct{ answer string }

func (c claims) PostForm(context.Context, string, url.Values, string) (io.ReadCloser, string, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader(c.answer), brokenLine{})), columns.MediaType, nil
}

var errLine = errors.New("the line is cut")

type brokenLine struct{}

func (brokenLine) Read([]byte) (int, error) { return 0, errLine }

// TestClaimsTakeNoMemory: lengths and counts of which nothing follows.
func TestClaimsTakeNoMemory(t *testing.T) {
	claim := func(field protowire.Number, length uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), length)
	}
	start := appendNumber(appendNumber(nil, columns.ResultType, columns.Matrix), columns.SeriesCount, math.MaxUint64)
	const huge = 1 << 50
	for name, answer := range map[string][]byte{
		"a series":        claim(columns.Series, huge),
		"a label":         append(claim(columns.Series, huge), claim(columns.Labels, huge/2)...),
		"a label allowed": append(claim(columns.Series, huge), claim(columns.Labels, 4<<20)...),
		"values":          append(claim(columns.Series, huge), claim(columns.Values, huge/2)...),
		"values allowed":  append(claim(columns.Series, huge), claim(columns.Values, 8*1_000_000)...),
		"times":           append(claim(columns.Series, huge), claim(columns.Times, huge/2)...),
	} {
		t.Run(name, func(t *testing.T) {
			q := New(claims{string(start) + string(answer)}, testOptions())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp := q.Query(t.Context(), ask(`"expr":"x"`), Occasion{})
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, resp.Error, "cannot be read")
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(256<<10))
		})
	}
}

// TestNothingIsHeldOfWhatDoesNotFit reads a series of more samples than a result
// may hold.
func TestNothingIsHeldOfWhatDoesNotFit(t *testing.T) {
	opts := testOptions()
	opts.MaxPoints = 10
	server := &endless{series: 3, samples: 100_000, contentType: columns.MediaType}
	a := newAnswer(opts.MaxPoints, newOverTime(request{}), request{})
	body, contentType, err := server.PostForm(t.Context(), rangeEndpoint, nil, acceptAnswers)
	require.NoError(t, err)
	require.NoError(t, a.read(body, contentType))
	require.Equal(t, 3, a.budget.left)
	require.Zero(t, cap(a.current.values))
	require.Zero(t, cap(a.current.times))
}
