package watch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/seen"
)

// Settings say by which series and labels it is known what runs where.
type Settings struct {
	// Metrics matches the names of the series that say in a label which version runs.
	Metrics string
	// Version, Commit, Service and Environment are the labels that say so, of several the
	// first that is there. Where none says the service, it is the job; where none says the
	// environment, it is DefaultEnvironment.
	Version, Commit, Service, Environment []string
	DefaultEnvironment                    string
}

// DefaultSettings follow the conventions of Prometheus' clients and of OpenTelemetry.
func DefaultSettings() Settings {
	return Settings{
		Metrics:     ".+_build_info|target_info",
		Version:     []string{"version", "service_version"},
		Commit:      []string{"revision", "commit", "git_commit", "vcs_ref_head_revision"},
		Service:     []string{"service", "service_name"},
		Environment: []string{"environment", "env", "deployment_environment_name", "deployment_environment"},
	}
}

const (
	// lookback is how far back a look goes: as far as Prometheus' own queries see a sample.
	lookback = 5 * time.Minute
	// firstLookback is how far back the first look goes, so that what was there before a
	// start of Tidemark is not taken for new.
	firstLookback = 6 * time.Hour
)

// process is one target's process: the labels by which Prometheus tells it from others.
type process struct{ job, instance string }

// look is what there is to see at one time.
type look struct {
	settings Settings
	from, to time.Time
	// since remembers when each series was first seen, from look to look.
	since map[uint64]time.Time

	targets map[process]*target
	still   map[uint64]time.Time // of since, what is there still
}

// target is one process as it is seen in several series.
type target struct {
	place seen.Place
	seen.Target
	rank int // of the series that says the version
}

// places are the targets of each place, by their instances.
func (l *look) places() map[seen.Place][]seen.Target {
	all := map[seen.Place][]seen.Target{}
	for _, t := range l.targets {
		all[t.place] = append(all[t.place], t.Target)
	}
	for _, targets := range all {
		slices.SortFunc(targets, func(a, b seen.Target) int { return strings.Compare(a.Instance, b.Instance) })
	}
	return all
}

// read looks at all series.
func (l *look) read(ctx context.Context, q storage.Queryable) error {
	querier, err := q.Querier(l.from.UnixMilli(), l.to.UnixMilli())
	if err != nil {
		return fmt.Errorf("asking for versions: %w", err)
	}
	defer querier.Close()
	for _, part := range []struct {
		match *labels.Matcher
		take  func(labels.Labels, samples)
	}{
		{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "process_start_time_seconds"), l.takeStart},
		{labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, l.settings.Metrics), l.takeVersion},
	} {
		set := querier.Select(ctx, false, nil, part.match)
		var it chunkenc.Iterator
		for set.Next() {
			series := set.At()
			it = series.Iterator(it)
			s, err := summary(it)
			if err != nil {
				return fmt.Errorf("reading versions: %w", err)
			}
			if s.alive(l.to) {
				part.take(series.Labels(), s)
			}
		}
		if err := set.Err(); err != nil {
			return fmt.Errorf("reading versions: %w", err)
		}
	}
	return nil
}

// samples is what a series says in the time that is looked at.
type samples struct {
	// first and last are the first sample since it is there without a break, and the last
	// that is no mark of staleness.
	first, last time.Time
	value       float64
	some, stale bool
}

func summary(it chunkenc.Iterator) (s samples, err error) {
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		if kind != chunkenc.ValFloat {
			continue
		}
		ms, v := it.At()
		gone := s.stale
		if s.stale = value.IsStaleNaN(v); s.stale {
			continue
		}
		at := time.UnixMilli(ms).UTC()
		if !s.some || gone { // it is there again
			s.first = at
		}
		s.last, s.value, s.some = at, v, true
	}
	return s, it.Err()
}

// alive reports whether the series is there, or went away only just now.
func (s samples) alive(now time.Time) bool {
	if !s.some {
		return false
	}
	if s.stale {
		return now.Sub(s.last) <= seen.Grace
	}
	return now.Sub(s.last) <= lookback
}

// target returns the one that a series is of.
func (l *look) target(ls labels.Labels) *target {
	p := process{ls.Get("job"), ls.Get("instance")}
	t := l.targets[p]
	if t == nil {
		service := p.job
		if at := strings.LastIndexByte(service, '/'); at >= 0 { // of OpenTelemetry: namespace/name
			service = service[at+1:]
		}
		t = &target{place: seen.Place{Service: service, Environment: l.settings.DefaultEnvironment}, rank: math.MaxInt}
		t.Instance = p.job + " " + p.instance
		l.targets[p] = t
	}
	if service := first(ls, l.settings.Service); service != "" {
		t.place.Service = service
	}
	if environment := first(ls, l.settings.Environment); environment != "" {
		t.place.Environment = environment
	}
	return t
}

// first is the value of the first of labels that is there.
func first(ls labels.Labels, names []string) string {
	for _, name := range names {
		if v := ls.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// maxAhead is how far a target's clock may be ahead of ours.
const maxAhead = 5 * time.Minute

func (l *look) takeStart(ls labels.Labels, s samples) {
	t := l.target(ls)
	// Some clients say it with fractions that waver.
	if at := time.Unix(int64(s.value), 0).UTC(); s.value > 0 && s.value < float64(s.last.Add(maxAhead).Unix()) && at.After(t.Started) {
		t.Started = at
	}
}

func (l *look) takeVersion(ls labels.Labels, s samples) {
	version := first(ls, l.settings.Version)
	if version == "" || len(version) > annotate.MaxName || version == "unknown" || version == "none" || strings.HasPrefix(version, "(") { // as go_build_info's (devel)
		return
	}
	hash := ls.Hash()
	since, known := l.since[hash]
	if !known {
		since = s.first
	}
	l.still[hash] = since
	t := l.target(ls)
	rank := rankOf(ls.Get(model.MetricNameLabel), ls.Get("job"))
	// While a target starts anew, the series of the version before may be there as well.
	if rank > t.rank || rank == t.rank && !since.After(t.Since) {
		return
	}
	t.rank, t.Version, t.Commit, t.Since = rank, version, first(ls, l.settings.Commit), since
}

// rankOf orders the series of a target that say a version: what the app says of itself
// comes before what the libraries in it say.
func rankOf(name, job string) int {
	own := strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(job) + "_build_info"
	switch {
	case name == "target_info":
		return 0
	case strings.HasSuffix("_"+own, "_"+name) || name == own:
		return 1
	case name == "go_build_info":
		return 3
	}
	return 2
}
