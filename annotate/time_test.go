package annotate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestParseTime(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := annotate.ParseTime(in)
		require.NoError(t, err)
		b, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, `"`+want+`"`, string(b))
	}
	f("2026-03-04T12:00:00Z", "2026-03-04T12:00:00.000Z")
	f("2026-03-04T14:00:00.123456+02:00", "2026-03-04T12:00:00.123Z")
	f("1772625600", "2026-03-04T12:00:00.000Z")
	f("1772625600.5", "2026-03-04T12:00:00.500Z")
	f("1772625600123", "2026-03-04T12:00:00.123Z")
	f("0", "1970-01-01T00:00:00.000Z")
	for _, in := range []string{"", "yesterday", "NaN", "Inf", "-Inf", "1e300", "2026-03-04", "12:00"} {
		_, err := annotate.ParseTime(in)
		require.ErrorContains(t, err, "RFC 3339", in)
	}
	_, err := annotate.ParseTime("0001-01-01T00:00:00Z")
	require.ErrorContains(t, err, "unset time")
}

func TestPastTimeWithoutAZoneIsLocal(t *testing.T) {
	got, err := annotate.ParsePastTime("2026-03-04 12:00", now.In(time.FixedZone("", 7200)))
	require.NoError(t, err)
	require.Equal(t, at(-2*time.Hour), got)
}

func TestParsePastTime(t *testing.T) {
	f := func(in string, want time.Duration) {
		t.Helper()
		got, err := annotate.ParsePastTime(in, now)
		require.NoError(t, err)
		require.Equal(t, at(want), got)
	}
	f("now", 0)
	f("10m ago", -10*time.Minute)
	f(" 1h30m ago", -90*time.Minute)
	f("3d ago", -72*time.Hour)
	f("0.5d ago", -12*time.Hour)
	f("10 minutes ago", -10*time.Minute)
	f("1 hour 30 min ago", -90*time.Minute)
	f("2w ago", -14*24*time.Hour)
	f("2026-03-04T11:00:00Z", -time.Hour)
	f("2026-03-04", -12*time.Hour)
	f("2026-03-04 11:30", -30*time.Minute)
	f("2026-03-04 11:59:59", -time.Second)
	f("2026-03-04T11:30", -30*time.Minute)
	f("09:15", -165*time.Minute)
	f("today", -12*time.Hour)
	f("yesterday", -36*time.Hour)
	for _, in := range []string{"", "ago", " ago", "-5m ago", "a while ago", "10 ago", "m ago", "5M ago", "1..5h ago", "999999999d ago", "2026-13-01", "25:00", "0001-01-01"} {
		_, err := annotate.ParsePastTime(in, now)
		require.Error(t, err, in)
	}
}

func TestTimeInJSON(t *testing.T) {
	var v struct {
		A, B, C annotate.Time
		D       *annotate.Time
	}
	require.NoError(t, json.Unmarshal([]byte(`{"A":"2026-03-04T12:00:00Z","B":1772625600000,"C":null}`), &v))
	require.Equal(t, at(0), v.A)
	require.Equal(t, at(0), v.B)
	require.True(t, v.C.IsZero())
	require.Nil(t, v.D)
	for _, bad := range []string{`{"A":true}`, `{"A":{}}`, `{"A":"soon"}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &v), bad)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2026-03-04T12:00:00Z", "1772625600.5", "10m ago", "3d ago", "2 days ago", "2026-03-04 11:30", "now", "0x1p10", "-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := annotate.ParsePastTime(s, now)
		if err != nil {
			return
		}
		b, err := json.Marshal(parsed)
		require.NoError(t, err)
		var again annotate.Time
		if json.Unmarshal(b, &again) == nil {
			require.Equal(t, parsed.UnixMilli(), again.UnixMilli())
		}
	})
}
