package watch

import (
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// bench is a Watcher over real samples and a real log, with a clock of its own.
type bench struct {
	testing.TB
	samples *teststorage.TestStorage
	log     *changelog.Log
	now     time.Time
	watcher *Watcher
	set     *Settings
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, samples: teststorage.New(t), now: time.Now().Add(-12 * time.Hour).Truncate(time.Minute)}
	settings := DefaultSettings()
	b.set = &settings
	var err error
	b.log, err = changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.log.Close()) })
	b.restart()
	return b
}

// restart begins anew with what the log knows.
func (b *bench) restart() {
	b.Helper()
	b.watcher = New(Options{
		Samples: b.samples, Log: b.log, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
		Settings: func() *Settings { return b.set }, Every: func() time.Duration { return 0 }, JoinWithin: changelog.DefaultJoinWithin, Now: func() time.Time { return b.now },
	})
	require.NoError(b, b.watcher.load(b.Context()))
}

// fleet is what is scraped: the labels of what each target says, by job and instance.
type fleet map[string][]labels.Labels

// scrape appends a sample of each, every 15 seconds for a time, and looks each time.
func (b *bench) scrape(f fleet, for_ time.Duration) {
	b.Helper()
	for end := b.now.Add(for_); b.now.Before(end); b.now = b.now.Add(15 * time.Second) {
		app := b.samples.AppenderV2(b.Context())
		for _, all := range f {
			for _, ls := range all {
				v := 1.0
				if started := ls.Get("started"); started != "" {
					_, err := fmt.Sscan(started, &v)
					require.NoError(b, err)
					ls = labels.NewBuilder(ls).Del("started").Labels()
				}
				_, err := app.Append(0, ls, 0, b.now.UnixMilli(), v, nil, nil, storage.AOptions{})
				require.NoError(b, err)
			}
		}
		require.NoError(b, app.Commit())
		require.NoError(b, b.watcher.Look(b.Context()))
	}
}

// stale marks what was scraped as gone.
func (b *bench) stale(all ...labels.Labels) {
	b.Helper()
	app := b.samples.AppenderV2(b.Context())
	for _, ls := range all {
		_, err := app.Append(0, ls, 0, b.now.Add(-time.Second).UnixMilli(), math.Float64frombits(value.StaleNaN), nil, nil, storage.AOptions{})
		require.NoError(b, err)
	}
	require.NoError(b, app.Commit())
}

func (b *bench) changes() []annotate.Change {
	b.Helper()
	page, err := b.log.List(b.Context(), annotate.List{Limit: 100})
	require.NoError(b, err)
	return page.Changes
}

func info(name, job, instance, version string, more ...string) labels.Labels {
	return labels.FromStrings(append([]string{model.MetricNameLabel, name, "job", job, "instance", instance, "version", version}, more...)...)
}

func TestAVersionThatChangesIsADeploy(t *testing.T) {
	b := newBench(t)
	fleet := fleet{}
	for i := range 4 {
		instance := fmt.Sprint("web-", i)
		fleet[instance] = []labels.Labels{
			info("web_build_info", "web", instance, "v1", "revision", "aaaaaaaaaa", "environment", "production"),
			info("go_build_info", "web", instance, "v0.9"), // of a library
		}
	}
	b.scrape(fleet, 3*time.Minute)
	require.Empty(t, b.changes())

	began := b.now
	for i := range 4 {
		instance := fmt.Sprint("web-", i)
		b.stale(fleet[instance][0])
		fleet[instance][0] = info("web_build_info", "web", instance, "v2", "revision", "bbbbbbbbbb", "environment", "production")
		b.scrape(fleet, time.Minute)
		if i == 1 { // in the middle of it
			c := b.changes()[0]
			require.Equal(t, annotate.Running, c.Status)
			require.Equal(t, "2/4", c.Labels["rollout"])
			b.restart()
		}
	}
	b.scrape(fleet, 10*time.Minute)
	changes := b.changes()
	require.Len(t, changes, 1)
	c := changes[0]
	require.Equal(t, []string{"deploy", "web", "production", "v2", "v1", "bbbbbbbbbb"}, []string{c.Kind, c.Service, c.Environment, c.Version, c.PreviousVersion, c.Commit})
	require.Equal(t, map[string]string{"seen": "true", "told": "false", "rollout": "4/4"}, c.Labels)
	require.Equal(t, annotate.At(began), c.Start)
	require.Equal(t, annotate.At(began.Add(3*time.Minute)), *c.End)
	require.Equal(t, annotate.Succeeded, c.Status)
	require.LessOrEqual(t, c.Revision, 5)

	// Back to what it ran before, by targets whose series were there before.
	for i := range 4 {
		instance := fmt.Sprint("web-", i)
		b.stale(fleet[instance][0])
		fleet[instance][0] = info("web_build_info", "web", instance, "v1", "revision", "aaaaaaaaaa", "environment", "production")
	}
	back := b.now
	b.scrape(fleet, 5*time.Minute)
	changes = b.changes()
	require.Len(t, changes, 2)
	require.Equal(t, "v1", changes[0].Version)
	require.Equal(t, annotate.At(back), changes[0].Start)
}

// OpenTelemetry's target_info, with its own names.
func TestAVersionOfOpenTelemetry(t *testing.T) {
	b := newBench(t)
	of := func(version string) labels.Labels {
		return labels.FromStrings(model.MetricNameLabel, "target_info", "job", "shop/checkout", "instance", "pod-1", "service_version", version, "deployment_environment_name", "staging")
	}
	b.scrape(fleet{"1": {of("1.0.0")}}, time.Minute)
	b.stale(of("1.0.0"))
	b.scrape(fleet{"1": {of("1.1.0")}}, 4*time.Minute)
	changes := b.changes()
	require.Len(t, changes, 1)
	require.Equal(t, []string{"checkout", "staging", "1.1.0", "succeeded"}, []string{changes[0].Service, changes[0].Environment, changes[0].Version, string(changes[0].Status)})
}

func TestAllProcessesThatBeganAnewAreARestart(t *testing.T) {
	b := newBench(t)
	of := func(instance string, started time.Time) []labels.Labels {
		return []labels.Labels{labels.FromStrings(model.MetricNameLabel, "process_start_time_seconds", "job", "api", "instance", instance, "started", fmt.Sprint(started.Unix()))}
	}
	early := b.now.Add(-time.Hour)
	b.scrape(fleet{"a": of("a", early), "b": of("b", early)}, time.Minute)
	b.scrape(fleet{"a": of("a", b.now), "b": of("b", early)}, time.Minute)
	require.Empty(t, b.changes())
	b.scrape(fleet{"a": of("a", b.now.Add(-time.Minute)), "b": of("b", b.now)}, time.Minute)
	changes := b.changes()
	require.Len(t, changes, 1)
	require.Equal(t, annotate.KindRestart, changes[0].Kind)
	require.Equal(t, "api", changes[0].Service)
}

func TestWhatIsToldAndSeenIsOneChange(t *testing.T) {
	b := newBench(t)
	of := func(version string) fleet {
		return fleet{"a": {info("web_build_info", "web", "a", version, "environment", "production")}}
	}
	b.scrape(of("1.0.0"), time.Minute)
	tell := func(version string) annotate.Change {
		result, err := b.log.Record(t.Context(), "ci", annotate.Report{
			Source: "ci", ExternalID: version, Kind: "deploy", Service: "web", Environment: "production", Version: version,
			Status: annotate.Succeeded, Start: annotate.At(b.now), End: annotate.At(b.now.Add(time.Minute)),
		})
		require.NoError(t, err)
		return result.Change
	}
	told := tell("v1.1.0")
	b.stale(of("1.0.0")["a"]...)
	b.scrape(of("1.1.0"), 4*time.Minute)
	require.Len(t, b.changes(), 1)
	c := b.changes()[0]
	require.Equal(t, told.ID, c.ID)
	require.Equal(t, map[string]string{"seen": "true", "told": "true", "rollout": "1/1"}, c.Labels)

	// One that was told, and never comes.
	tell("v1.2.0")
	b.scrape(of("1.1.0"), 10*time.Minute)
	require.NotContains(t, b.changes()[0].Labels, "seen", "it may come yet")
	b.scrape(of("1.1.0"), 30*time.Minute)
	require.Equal(t, "false", b.changes()[0].Labels["seen"])
	page, err := b.log.List(t.Context(), annotate.List{Limit: 10, Filter: annotate.Filter{Labels: map[string]string{"seen": "false"}}})
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)

	// And told again, of what runs already: nothing is missing.
	tell("1.1.0")
	b.scrape(of("1.1.0"), 40*time.Minute)
	require.NotContains(t, b.changes()[0].Labels, "seen")
}

func TestWhatIsNoVersion(t *testing.T) {
	b := newBench(t)
	b.scrape(fleet{"a": {info("go_build_info", "app", "a", "(devel)"), info("app_build_info", "app", "a", "unknown"), info("app_info", "app", "a", "v1")}}, time.Minute)
	b.scrape(fleet{"a": {info("go_build_info", "app", "a", "v2"), info("app_info", "app", "a", "v2")}}, time.Minute)
	require.Empty(t, b.changes())
	b.set = nil // nothing is to be watched
	require.NoError(t, b.watcher.Look(t.Context()))
}

// BenchmarkLook is a look at 1,000 targets, each with the series of a Go app's own metrics
// that matter and a hundred others beside them.
func BenchmarkLook(b *testing.B) {
	bench := newBench(b)
	fleet := fleet{}
	for i := range 1000 {
		instance, job := fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250), fmt.Sprint("service-", i%50)
		all := []labels.Labels{
			info("app_build_info", job, instance, "v1", "revision", "aaaaaaaaaa"), info("go_build_info", job, instance, "v1"),
			labels.FromStrings(model.MetricNameLabel, "process_start_time_seconds", "job", job, "instance", instance, "started", "1772625000"),
		}
		for n := range 100 {
			all = append(all, labels.FromStrings(model.MetricNameLabel, fmt.Sprint("metric_", n, "_total"), "job", job, "instance", instance))
		}
		fleet[instance] = all
	}
	bench.scrape(fleet, 30*time.Second)
	for _, all := range fleet { // five minutes of what matters
		fleet["of "+all[0].Get("instance")] = all[:3]
	}
	for i := range fleet {
		if len(fleet[i]) > 3 {
			delete(fleet, i)
		}
	}
	bench.scrape(fleet, 5*time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		if err := bench.watcher.Look(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
