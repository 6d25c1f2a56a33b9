package server

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestMarks(t *testing.T) {
	s := start(t, nil)
	for i := range 3 {
		s.record(fmt.Sprintf(`{"kind":"deploy","service":"web","environment":"production","version":"v%d","start":"2025-06-01T10:0%d:00Z","end":"2025-06-01T10:0%d:30Z","who":"Ann","labels":{"team":"blue"}}`, i, i, i))
	}
	s.record(`{"kind":"incident","start":"2025-06-01T09:00:00Z","title":"down","status":"running"}`)
	const day = "?from=2025-06-01T00:00:00Z&to=2025-06-02T00:00:00Z"

	a := s.do("GET", "/api/v1/changes/marks"+day+"&resolution=1h", "")
	require.Equal(t, 200, a.status, a.body)
	var wire struct {
		Marks []map[string]any `json:"marks"`
		Rest  map[string]any   `json:"-"`
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &wire))
	require.NoError(t, json.Unmarshal([]byte(a.body), &wire.Rest))
	delete(wire.Rest, "marks")
	require.Equal(t, map[string]any{"resolution_ms": 3.6e6, "total": 4.0, "omitted": 0.0}, wire.Rest)
	require.Len(t, wire.Marks, 2)
	newest, ok := wire.Marks[1]["change"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, "v2", newest["version"])
	require.Equal(t, map[string]any{"name": "Ann"}, newest["who"])
	delete(wire.Marks[0], "change")
	delete(wire.Marks[1], "change")
	require.Equal(t, []map[string]any{
		{"kind": "incident", "service": "", "environment": "", "status": "running", "start": "2025-06-01T09:00:00.000Z", "count": 1.0, "headline": "down"},
		{
			"kind": "deploy", "service": "web", "environment": "production", "status": "succeeded",
			"start": "2025-06-01T10:00:00.000Z", "end": "2025-06-01T10:02:30.000Z", "count": 3.0, "headline": "deploy web v2",
		},
	}, wire.Marks)

	f := func(query string, resolution int64, counts ...int) {
		t.Helper()
		a := s.do("GET", "/api/v1/changes/marks"+query, "")
		require.Equal(t, 200, a.status, a.body)
		marks := decodeAs[annotate.Marks](t, a.body)
		var got []int
		for _, m := range marks.Marks {
			got = append(got, m.Count)
		}
		require.Equal(t, counts, got, a.body)
		require.Equal(t, resolution, marks.Resolution)
	}
	f(day, 172_800, 1, 2, 1) // a five-hundredth of the day
	f(day+"&resolution=60000", 60_000, 1, 1, 1, 1)
	f(day+"&resolution=60s&limit=3", 120_000, 1, 2, 1)
	f(day+"&resolution=1d&limit=1", 86_400_000, 3)
	f(day+"&resolution=1h&kind=deploy&service=web&environment=production&status=succeeded&who=Ann&label.team=blue&q=v1", 3_600_000, 1)
	f(day+"&kind=none", 172_800)
	f("?from=2025-06-01T10:00:40Z&to=2025-06-01T10:01:10Z&kind=deploy", 1000, 1)
	require.Contains(t, s.do("GET", "/api/v1/changes/marks"+day+"&kind=none", "").body, `"marks":[]`)
}

func TestMarksAreWrittenAsJSONWritesThem(t *testing.T) {
	at := annotate.At(time.UnixMilli(1_750_000_000_123))
	f := func(m annotate.Marks) {
		t.Helper()
		want, err := json.Marshal(m)
		require.NoError(t, err)
		got, err := appendMarks(nil, m)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	f(annotate.Marks{Marks: []annotate.Mark{}})
	f(annotate.Marks{Resolution: 1 << 54, Total: 4, Omitted: 1, Marks: []annotate.Mark{
		{Kind: "deploy", Service: "web", Environment: "production", Status: "succeeded", Start: at, End: &at, Count: 3, Headline: "Roll out <blue> \"ü\"\u2028", Change: json.RawMessage(`{"id":"1"}`)},
		{Kind: "de\"ploy", Service: "<ü>", Status: "running", Start: at, Count: 1, Change: json.RawMessage(`{}`)},
		{Kind: "deploy", Service: "web", Environment: "production", Status: "succeeded", Start: at, Count: 1, Change: json.RawMessage(`{"id":"2"}`)},
	}})
}

func TestBadMarkQueriesAreNamed(t *testing.T) {
	s := start(t, nil)
	f := func(query, location, detail string) {
		t.Helper()
		p := s.do("GET", "/api/v1/changes/marks"+query, "").problem(t, 422)
		require.Contains(t, p.Detail, detail)
		require.Equal(t, location, p.Errors[0].Location)
	}
	f("", "query.from", "is missing")
	f("?from=1", "query.to", "is missing")
	f("?from=2&to=1", "query.from", "is after to")
	f("?from=1&to=2&limit=2001", "query.limit", "from 1 to 2000")
	f("?from=1&to=2&resolution=0", "query.resolution", "a duration such as 60s")
	f("?from=1&to=2&resolution=1.5", "query.resolution", "a duration such as 60s")
	f("?from=1&to=2&resolution=soon", "query.resolution", "a duration such as 60s")
	f("?from=1&to=2&cursor=x", "query.cursor", "is no parameter")
}

func FuzzResolution(f *testing.F) {
	for _, seed := range []string{"60s", "60000", "1h30m", "1d", "0", "-1", "0s", "9223372036854775807", "1e3", "", "292y", "9999999999y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ms, err := parseResolution(text)
		if err == nil && (ms < 1 || ms > maxResolution) {
			t.Fatalf("%d ms of %q", ms, text)
		}
	})
}
