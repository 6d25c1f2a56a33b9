package deploy

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate"
)

func TestATargetTakesWhatItDeclaresAndNothingElse(t *testing.T) {
	version, err := Pattern(DefaultPattern)
	require.NoError(t, err)
	region, err := Pattern("eu|us")
	require.NoError(t, err)
	anything, err := Pattern(".*")
	require.NoError(t, err)
	eu := "eu"
	target := Target{
		ID: ID{Service: "web", Environment: "production"}, Version: version,
		Parameters: map[string]Parameter{"region": {Pattern: region, Default: &eu}, "ticket": {Pattern: anything}},
	}
	ticket := map[string]string{"ticket": "OPS-1"}

	full, err := target.Check("v43", ticket)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"region": "eu", "ticket": "OPS-1"}, full)

	for _, test := range []struct {
		name, version string
		parameters    map[string]string
		field         string
	}{
		{"no version", "", ticket, "version"},
		{"an option", "--force", ticket, "version"},
		{"a command", "v1; rm -rf /", ticket, "version"},
		{"a substitution", "$(id)", ticket, "version"},
		{"two lines", "v1\nv2", ticket, "version"},
		{"a pattern matches as a whole", "v43", map[string]string{"ticket": "x", "region": "europe"}, "parameters.region"},
		{"an option where the pattern takes all", "v43", map[string]string{"ticket": "-x"}, "parameters.ticket"},
		{"a control character where the pattern takes all", "v43", map[string]string{"ticket": "a\x00b"}, "parameters.ticket"},
		{"one that must be given", "v43", nil, "parameters.ticket"},
		{"one that is not declared", "v43", map[string]string{"ticket": "x", "debug": "1"}, "parameters.debug"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := target.Check(test.version, test.parameters)
			e, ok := errors.AsType[*annotate.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, annotate.Invalid, e.Code)
			require.Equal(t, test.field, e.Field)
		})
	}
}

func TestNamesOfTargets(t *testing.T) {
	for name, ok := range map[string]bool{"web": true, "web-2.eu": true, "_x": true, "": false, "-web": false, "..": false, "a/b": false, "a b": false} {
		err := ID{Service: name, Environment: "production"}.Check()
		require.Equal(t, ok, err == nil, "%q: %v", name, err)
	}
}

func TestTemplates(t *testing.T) {
	run := Run{
		ID: "id-1", Service: "web", Environment: "production",
		Version: "v4/3", PreviousVersion: "v42", Parameters: map[string]string{"region": "eu"},
	}
	for template, want := range map[Template]string{
		"https://x.example/compare/{previous_version}...{version}": "https://x.example/compare/v42...v4%2F3",
		"{service}-{environment}-{region}-{id}":                    "web-production-eu-id-1",
		`{"a": {"b": 1}} {} {Version}`:                             `{"a": {"b": 1}} {} {Version}`,
	} {
		require.NoError(t, template.Check(map[string]Parameter{"region": {}}))
		require.Equal(t, want, template.Fill(run.Values(), url.PathEscape))
	}
	require.ErrorContains(t, Template("{versio}").Check(nil), "{versio} is no placeholder; there are {environment}, ")
	require.Equal(t, "{version}", Template("{region}").Fill(map[string]string{"region": "{version}", "version": "v1"}, nil), "what was filled in is not filled again")
	require.True(t, Template("./deploy.sh").Fixed())
	require.False(t, Template("./{service}.sh").Fixed())
}

func TestTheTypicalRunIsTheMedianOfTheLastFiveThatSucceeded(t *testing.T) {
	run := func(status annotate.Status, seconds int) Run {
		start := time.Now()
		return Run{Status: status, Started: annotate.At(start), Ended: annotate.At(start.Add(time.Duration(seconds) * time.Second))}
	}
	require.Zero(t, Typical(nil))
	runs := []Run{run(annotate.Succeeded, 10), run(annotate.Failed, 900), run(annotate.Succeeded, 20)}
	require.Equal(t, 15*time.Second, Typical(runs))
	for _, seconds := range []int{30, 40, 500, 1} {
		runs = append(runs, run(annotate.Succeeded, seconds))
	}
	require.Equal(t, 30*time.Second, Typical(runs), "one that hung does not count for much, and the sixth not at all")
}

func TestObstacles(t *testing.T) {
	now := time.Date(2026, 11, 27, 17, 30, 0, 0, time.UTC) // a Friday
	web := ID{Service: "web", Environment: "production"}
	holds := []Hold{
		{ID: "1", Owner: annotate.Who{Name: "ann"}, Reason: "why", Until: annotate.At(now.Add(time.Hour))},
		{ID: "2", Until: annotate.At(now)},
		{ID: "3", Environment: "staging", Until: annotate.At(now.Add(time.Hour))},
	}
	weekend := Freeze{Name: "weekend", Environments: []string{"production"}, Times: intervals(t, `[{weekdays: ['friday'], times: [{start_time: '16:00', end_time: '24:00'}]}, {weekdays: ['saturday', 'sunday']}]`)}

	all := Obstacles(web, now, false, holds, []Freeze{weekend})
	require.Len(t, all, 2, "neither the hold that is over nor that of another environment")
	require.Equal(t, "held by ann until 2026-11-27 18:30 UTC: why", all[0].String())
	require.Equal(t, `frozen by "weekend" until 2026-11-30 00:00 UTC`, all[1].String())

	back := Obstacles(web, now, true, holds, []Freeze{weekend})
	require.Equal(t, all[:1], back, "a freeze stops no rollback, a hold does")
	passed, held := Pass(all, []string{"1"})
	require.Equal(t, all[:1], passed)
	require.Equal(t, all[1:], held)
	require.Equal(t, `frozen by "weekend" until 2026-11-30 00:00 UTC (weekend)`, Describe(held))
	require.Empty(t, Obstacles(ID{Service: "web", Environment: "staging"}, now, false, nil, []Freeze{weekend}))
}

func intervals(t *testing.T, text string) (list []timeinterval.TimeInterval) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(text), &list))
	return list
}

func TestAFreezeEnds(t *testing.T) {
	now := time.Date(2026, 12, 23, 12, 0, 30, 0, time.UTC)
	holidays := Freeze{From: now.Add(-time.Hour), To: now.Add(48 * time.Hour)}
	require.True(t, holidays.Holds(now))
	require.Equal(t, holidays.To, holidays.End(now))
	require.False(t, holidays.Holds(holidays.To), "the end is no part of it")
	require.False(t, Freeze{From: now.Add(time.Minute)}.Holds(now))

	nights := Freeze{Times: intervals(t, `[{times: [{start_time: '12:00', end_time: '13:00'}]}]`), To: now.Add(10 * time.Minute).Truncate(time.Minute)}
	require.Equal(t, nights.To, nights.End(now), "the span ends before the interval does")
	require.True(t, Freeze{Times: intervals(t, `[{years: ['2026:2030']}]`)}.End(now).IsZero(), "years ahead")
}

func TestARollbackGoesBackToTheLastGoodVersion(t *testing.T) {
	start := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	deploys := func(list ...annotate.Change) []annotate.Change {
		for i := range list { // newest first
			list[i].Start = annotate.At(start.Add(time.Duration(len(list)-i) * time.Minute))
		}
		return list
	}
	ok := func(id, version string) annotate.Change {
		return annotate.Change{ID: id, Version: version, Status: annotate.Succeeded}
	}
	failed := annotate.Change{ID: "f", Version: "v3", Status: annotate.Failed}
	back := ok("back", "v1")
	back.Undoes = "bad"
	for _, test := range []struct {
		name    string
		deploys []annotate.Change
		want    string
	}{
		{"the one before", deploys(ok("undone", "v2"), ok("a", "v1")), "a"},
		{"not one that failed", deploys(ok("undone", "v4"), failed, ok("a", "v2")), "a"},
		{"not the same version again", deploys(ok("undone", "v2"), ok("b", "v2"), ok("a", "v1")), "a"},
		{"not what was taken back itself", deploys(ok("undone", "v3"), back, ok("bad", "v2"), ok("a", "v1")), "back"},
		{"not even where it came twice", deploys(ok("undone", "v3"), ok("again", "v2"), ok("a", "v1")), "again"},
		{"nor what came after", deploys(ok("later", "v9"), ok("undone", "v2"), ok("a", "v1")), "a"},
		{"none", deploys(ok("undone", "v1")), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var undone annotate.Change
			for _, c := range test.deploys {
				if c.ID == "undone" {
					undone = c
				}
			}
			good, found := LastGood(test.deploys, undone)
			require.Equal(t, test.want != "", found)
			require.Equal(t, test.want, good.ID)
		})
	}
	require.Equal(t, "v2", Current(deploys(failed, ok("b", "v2"), ok("a", "v1"))))
}
