package intake

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(minutes int) annotate.Time {
	return annotate.At(now.Add(time.Duration(minutes) * time.Minute))
}

// taken is the change that a body makes.
func taken(t *testing.T, source, body string) annotate.Change {
	t.Helper()
	p, err := ReadPost([]byte(body))
	require.NoError(t, err, body)
	a, err := p.Annotation(At(now))
	require.NoError(t, err, body)
	r, err := a.Report(source, now)
	require.NoError(t, err, body)
	c := r.New(now)
	require.NoError(t, c.Validate(now), body)
	return c
}

func TestWhatIsPostedBecomesAChange(t *testing.T) {
	for name, test := range map[string]struct {
		source, body string
		want         annotate.Change
	}{
		"Grafana's point": {Grafana, `{"dashboardUID":"jcIIG-07z","panelId":2,"time":1772625000000,"tags":["deploy","service:web","env:prod","version:v43"],"text":"Deploy web"}`,
			annotate.Change{Kind: "deploy", Title: "Deploy web", Service: "web", Environment: "prod", Version: "v43", Start: at(-10), Labels: map[string]string{
				"tags": "deploy,service:web,env:prod,version:v43", "dashboard_uid": "jcIIG-07z", "panel_id": "2",
			}}},
		"Grafana's region": {Grafana, `{"time":1772625000000,"timeEnd":1772625300000,"tags":["maintenance","team:db"],"text":"Vacuum\nof all tables","data":{"ticket": "OPS-1"}}`,
			annotate.Change{Kind: "maintenance", Title: "Vacuum", Text: "of all tables", Start: at(-10), End: new(at(-5)), Labels: map[string]string{
				"tags": "maintenance,team:db", "team": "db", "data": `{"ticket":"OPS-1"}`,
			}}},
		"a region whose ends are exchanged": {Grafana, `{"time":1772625300000,"timeEnd":1772625000000,"text":"x"}`,
			annotate.Change{Kind: "annotation", Title: "x", Start: at(-10), End: new(at(-5)), Labels: map[string]string{"tags": ""}}},
		"now, where no time is given": {Grafana, `{"text":"x","tags":[]}`, annotate.Change{Kind: "annotation", Title: "x", Start: at(0), Labels: map[string]string{"tags": ""}}},
		"Grafana's Graphite form": {Grafana, `{"what":"Event - deploy","tags":["deploy","production"],"when":1772625000,"data":"deploy of master branch happened at Wed Jul 6 22:34:41 UTC 2016"}`,
			annotate.Change{Kind: "deploy", Title: "Event - deploy", Text: "deploy of master branch happened at Wed Jul 6 22:34:41 UTC 2016", Start: at(-10), Labels: map[string]string{"tags": "deploy,production"}}},
		"Graphite's event": {Graphite, `{"what":"Event - deploy","tags":"deploy service:api","when":1772625000.4,"data":"x"}`,
			annotate.Change{Kind: "deploy", Title: "Event - deploy", Text: "x", Service: "api", Start: annotate.At(at(-10).Add(400 * time.Millisecond)), Labels: map[string]string{"tags": "deploy,service:api"}}},
		"what Argo CD's notifications send": {Grafana, `{"time":1772625000000,"isRegion":false,"tags":["sync-succeeded","guestbook"],"text":"Application guestbook has been synced"}`,
			annotate.Change{Kind: "annotation", Title: "Application guestbook has been synced", Start: at(-10), Labels: map[string]string{"tags": "sync-succeeded,guestbook"}}},
		"what Flux' notifications send": {Grafana, `{"when":1772625000,"text":"HelmRelease/webapp.prod\nupgrade succeeded","tags":["flux","helm-controller","kind: HelmRelease","name: webapp"]}`,
			annotate.Change{Kind: "annotation", Title: "HelmRelease/webapp.prod", Text: "upgrade succeeded", Start: at(-10), Labels: map[string]string{
				"tags": "flux,helm-controller,kind: HelmRelease,name: webapp", "kind": "HelmRelease", "name": "webapp",
			}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := taken(t, test.source, test.body)
			test.want.Source, test.want.Status = test.source, annotate.Succeeded
			if test.want.End == nil {
				test.want.End = &test.want.Start
			}
			require.Equal(t, test.want, c)
		})
	}
}

func TestAnAnnotationComesBackAsItWent(t *testing.T) {
	for _, text := range []string{
		"plain", "two\nlines", "\nbegins empty", "tab\there", strings.Repeat("long ", 100), "ends so…\nand goes on", "a\r\nb", "<b>html</b>", "x\n\n\ny",
		strings.Repeat("ä", 149) + "aäb",
	} {
		a := Annotation{Time: at(-10), End: at(-5), Text: text, Tags: Tags{"a:b:c", "d"}, Data: []byte(`{"k":1}`), Dashboard: "u", Panel: "3"}
		r, err := a.Report(Grafana, now)
		require.NoError(t, err)
		c := r.New(now)
		require.NoError(t, c.Validate(now), text)
		require.Equal(t, a, Of(c, now))
	}
}

func TestWhatNoChangeCanKeepIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{"text": ""}`:                   "text: is empty",
		`{}`:                             "text: is empty",
		`{"text": "x", "tags": 1}`:       "tags: must be a list",
		`{"text": "x", "tags": ["a,b"]}`: "tags: has a comma",
		`{"text": "x", "time": "soon"}`:  "time",
		`{"text": 7}`:                    "text: is a number; it must be a string",
		`[]`:                             "not what is taken here",
		`{"text": "x", "data": {`:        "not what is taken here",
		`{"text": "x", "data": "` + strings.Repeat("x", 2000) + `"}`:   "data: is more than",
		`{"text": "x", "tags": ["` + strings.Repeat("x", 2000) + `"]}`: "tags: are more than",
	} {
		p, err := ReadPost([]byte(body))
		var a Annotation
		if err == nil {
			a, err = p.Annotation(At(now))
		}
		if err == nil {
			_, err = a.Report(Grafana, now)
		}
		require.ErrorContains(t, err, want, body)
		require.Equal(t, annotate.Invalid, annotate.CodeOf(err), body)
	}
}

func TestTagsMatchAsInGrafana(t *testing.T) {
	for _, test := range []struct {
		has, filter string
		all, some   bool
	}{
		{"deploy service:web", "", true, true},
		{"deploy service:web", "deploy", true, true},
		{"deploy service:web", "service", true, true},
		{"deploy service:web", "service:web", true, true},
		{"deploy service:web", "service:web deploy", true, true},
		{"deploy service:web", "service:api", false, false},
		{"deploy service:web", "service:api deploy", false, true},
		{"deploy service:web", "serv", false, false},
		{"deploy:web deploy:api", "deploy", false, true}, // it counts the tags that fit
		{"deploy:web deploy:api", "deploy:web", true, true},
		{"a:b:c", "a:b", true, true},
		{"a:b", "a:b:d", true, true},
		{"", "deploy", false, false},
	} {
		has, filter := Tags(strings.Fields(test.has)), Tags(strings.Fields(test.filter))
		require.Equal(t, test.all, has.Match(filter, false), "%v all of %v", has, filter)
		require.Equal(t, test.some, has.Match(filter, true), "%v any of %v", has, filter)
	}
}

func TestChangesFromElsewhereAreAnnotationsToo(t *testing.T) {
	c := annotate.Change{Kind: "deploy", Service: "web", Environment: "production", Version: "v43", Start: at(-10), Status: annotate.Running, Labels: map[string]string{"team": "shop"}}
	require.Equal(t, Annotation{
		Time: at(-10), End: at(0), Text: "deploy web v43", Tags: Tags{"deploy", "service:web", "env:production", "version:v43", "team:shop"},
	}, Of(c, now), "one that goes on lasts until now")
}

func TestAnAlteredAnnotationIsAsIfItHadBeenPostedSo(t *testing.T) {
	c := taken(t, Grafana, `{"time":1772625000000,"timeEnd":1772625300000,"tags":["deploy","service:web","team:db"],"text":"a\nb"}`)
	c.ID = "0195b0c4-0000-7000-8000-000000000000"
	for body, want := range map[string]string{
		`{"text":"c"}`:                       `{"time":1772625000000,"timeEnd":1772625300000,"tags":["deploy","service:web","team:db"],"text":"c"}`,
		`{"tags":["env:prod"]}`:              `{"time":1772625000000,"timeEnd":1772625300000,"tags":["env:prod"],"text":"a\nb"}`,
		`{"tags":[]}`:                        `{"time":1772625000000,"timeEnd":1772625300000,"text":"a\nb"}`,
		`{"timeEnd":1772625400000}`:          `{"time":1772625000000,"timeEnd":1772625400000,"tags":["deploy","service:web","team:db"],"text":"a\nb"}`,
		`{"time":1772629000000,"timeEnd":0}`: `{"time":1772625300000,"timeEnd":1772629000000,"tags":["deploy","service:web","team:db"],"text":"a\nb"}`,
	} {
		p, err := ReadPost([]byte(body))
		require.NoError(t, err)
		patch, err := p.Alter(c, now)
		require.NoError(t, err)
		altered, err := patch.Apply(c, now)
		require.NoError(t, err)
		require.NoError(t, altered.Validate(now), body)
		as := taken(t, Grafana, want)
		as.ID = c.ID
		require.Equal(t, as, altered, body)
	}
	gone, err := Delete(c, "ann", now).Apply(c, now)
	require.NoError(t, err)
	require.NoError(t, gone.Validate(now))
	require.True(t, IsDeleted(gone))
	require.False(t, IsDeleted(c))
}

func TestWhatOthersCorrectedStays(t *testing.T) {
	c := taken(t, Grafana, `{"time":1772625000000,"text":"Deploy","tags":["deploy","service:web","env:prod"]}`)
	c.Status, c.Version, c.Service = annotate.Failed, "v4", "shop"
	c.Labels["team"] = "x"
	for body, want := range map[string]func(*annotate.Change){
		`{"text":"Roll out"}`: func(c *annotate.Change) { c.Title = "Roll out" },
		`{"tags":["deploy","service:web","env:test","zone:a"]}`: func(c *annotate.Change) {
			c.Environment = "test"
			c.Labels = map[string]string{"tags": "deploy,service:web,env:test,zone:a", "zone": "a", "team": "x"}
		},
		`{"time":1772625060000}`: func(c *annotate.Change) { c.Start, c.End = at(-9), new(at(-9)) },
	} {
		p, err := ReadPost([]byte(body))
		require.NoError(t, err)
		patch, err := p.Alter(c, now)
		require.NoError(t, err)
		got, err := patch.Apply(c, now)
		require.NoError(t, err)
		require.NoError(t, got.Validate(now))
		expected := c.Clone()
		want(&expected)
		require.Equal(t, expected, got, body)
	}

	c.Status, c.End = annotate.Running, nil
	p, err := ReadPost([]byte(`{"text":"Roll out"}`))
	require.NoError(t, err)
	patch, err := p.Alter(c, now)
	require.NoError(t, err)
	got, err := patch.Apply(c, now)
	require.NoError(t, err)
	require.Nil(t, got.End, "what goes on is not ended by a word")
	require.Equal(t, annotate.Running, got.Status)

	got.Revision, patch.Revision = 3, 2
	_, err = patch.Apply(got, now)
	require.Equal(t, annotate.Conflict, annotate.CodeOf(err), "nor is what others correct meanwhile")
}

func TestARegionThatIsOverCanBeAltered(t *testing.T) {
	c := taken(t, Grafana, `{"time":1772625000000,"timeEnd":1772626200000,"text":"x","tags":["team:a"]}`)
	require.Equal(t, annotate.Running, c.Status)
	c.Labels["team"] = "b"
	later := now.Add(2 * time.Hour)
	p, err := ReadPost([]byte(`{"text":"y","tags":["team:a","z"]}`))
	require.NoError(t, err)
	patch, err := p.Alter(c, later)
	require.NoError(t, err)
	got, err := patch.Apply(c, later)
	require.NoError(t, err)
	require.NoError(t, got.Validate(later))
	require.Equal(t, annotate.Succeeded, got.Status)
	require.Equal(t, at(10), *got.End)
	require.Equal(t, map[string]string{"tags": "team:a,z", "team": "b"}, got.Labels, "what others relabelled stays")
}

func TestTagsCannotPassForWhatIntakeKeeps(t *testing.T) {
	c := taken(t, Grafana, `{"text":"x","tags":["deleted:users","data:1","dashboard_uid:abc","tags:y"]}`)
	require.Equal(t, map[string]string{"tags": "deleted:users,data:1,dashboard_uid:abc,tags:y"}, c.Labels)
	require.False(t, IsDeleted(c))
	require.False(t, IsAnnotation(annotate.Change{Source: Grafana, ExternalID: "run-1", Labels: c.Labels}), "what has an identity of its own is its sender's")
	require.Equal(t, "Deploy the lo…\ndetails", Of(annotate.Change{Title: "Deploy the lo…", Text: "details"}, now).Text)
}

func TestAClockThatIsAheadMakesNoPlans(t *testing.T) {
	require.Equal(t, annotate.Succeeded, taken(t, Grafana, `{"text":"x","time":1772625660000}`).Status)
	c := taken(t, Grafana, `{"text":"x","time":1772629200000}`)
	require.Equal(t, annotate.Planned, c.Status)
	require.Equal(t, c.Start, *c.End, "a point stays one")
}

func TestTimesAsGraphiteWritesThem(t *testing.T) {
	for text, want := range map[string]time.Time{
		"now": now, "-1d": now.AddDate(0, 0, -1), "now-90min": now.Add(-90 * time.Minute), "-2hours": now.Add(-2 * time.Hour), "+30s": now.Add(30 * time.Second),
		"-1mon": now.Add(-30 * 24 * time.Hour), "1772625600": now, "20260304": now.Add(-12 * time.Hour), "14:30_20260303": now.Add(-21*time.Hour - 30*time.Minute), "0": time.Unix(0, 0),
	} {
		got, err := GraphiteTime(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
	for _, text := range []string{"", "soon", "-1", "-1fortnight", "-999999y", "20261341x", "1e9", "-1d-1d"} {
		_, err := GraphiteTime(text, now)
		require.ErrorContains(t, err, "as Graphite writes it", text)
	}
}

func FuzzPost(f *testing.F) {
	f.Add([]byte(`{"dashboardUID":"x","panelId":2,"time":1772625000000,"timeEnd":1,"tags":["a","b:c"],"text":"t\nu","data":{}}`))
	f.Add([]byte(`{"what":"x","tags":"a b","when":1772625000.5,"data":"y"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := ReadPost(body)
		if err != nil {
			require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
			return
		}
		a, err := p.Annotation(At(now))
		if err != nil {
			require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
			return
		}
		r, err := a.Report(Graphite, now)
		if err != nil {
			require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
			return
		}
		c := r.New(now)
		if c.Validate(now) != nil {
			return
		}
		require.Equal(t, strings.TrimSuffix(a.Text, "\n"), strings.TrimSuffix(Of(c, now).Text, "\n"), "no text is lost")
		require.ElementsMatch(t, a.Tags, Of(c, now).Tags)
	})
}
