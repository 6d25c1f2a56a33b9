package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/seen"
)

// Log is where it is kept what was seen; *changelog.Log is one.
type Log interface {
	Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error
	Documents(ctx context.Context, space string) ([]annotate.Document, error)
	List(ctx context.Context, l annotate.List) (annotate.Page, error)
	Amend(ctx context.Context, by, id string, p annotate.Patch) (annotate.Change, error)
}

// Options of a Watcher.
type Options struct {
	Samples storage.Queryable
	Log     Log
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Settings returns those in force; nil where nothing is to be watched.
	Settings func() *Settings
	// Every returns how often to look: as often as targets are scraped; it is brought
	// between a second and 15.
	Every func() time.Duration
	// JoinWithin is how far apart what is told and what is seen may be.
	JoinWithin time.Duration
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
}

const (
	// often and seldom bound how often the targets are looked at.
	often, seldom = time.Second, 15 * time.Second
	// space has the documents of what is known of places.
	space = "seen"
	// by is who tells, in the log.
	by = "tidemark"
	// maxPlaces is how many places are watched.
	maxPlaces = 10_000
)

// Watcher looks at the targets again and again. Make it with New, and Run it once.
type Watcher struct {
	opts   Options
	since  map[uint64]time.Time // see look
	places map[seen.Place]known
	looked bool      // whether there was a look since the start
	missed time.Time // up to when it was asked what was not seen

	took    *metrics.Histogram
	failed  *metrics.Counter
	targets atomic.Int64
}

// known is what the log has of a place.
type known struct {
	state    seen.State
	revision int64
	last     time.Time // when targets were seen there, since the start
}

// New returns a Watcher that has looked at nothing yet.
func New(o Options) *Watcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	w := &Watcher{opts: o, since: map[uint64]time.Time{}, places: map[seen.Place]known{}}
	w.took = o.Metrics.NewHistogram("tidemark_version_watch_duration_seconds")
	w.failed = o.Metrics.NewCounter("tidemark_version_watch_failures_total")
	o.Metrics.NewGauge("tidemark_version_watch_targets", func() float64 { return float64(w.targets.Load()) })
	return w
}

// Run watches until ctx ends. What goes wrong is logged, and tried again.
func (w *Watcher) Run(ctx context.Context) {
	var loaded bool
	for {
		if !loaded {
			err := w.load(ctx)
			loaded = err == nil
			w.note(ctx, err)
		}
		if loaded {
			w.note(ctx, w.Look(ctx))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(max(w.opts.Every(), often), seldom)):
		}
	}
}

// note logs an error, unless that is because the watching ends.
func (w *Watcher) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	w.failed.Inc()
	w.opts.Logger.Error("watching versions failed, and is tried again", "err", err)
}

// load reads what was known before a restart.
func (w *Watcher) load(ctx context.Context) error {
	documents, err := w.opts.Log.Documents(ctx, space)
	if err != nil {
		return fmt.Errorf("reading what was seen: %w", err)
	}
	for _, d := range documents {
		k := known{revision: d.Revision}
		if err := json.Unmarshal(d.Body, &k.state); err != nil {
			return fmt.Errorf("reading what was seen of %s: %w", d.Key, err)
		}
		w.places[placeOf(d.Key)] = k
	}
	return nil
}

func keyOf(p seen.Place) string { return p.Environment + "/" + p.Service }

func placeOf(key string) seen.Place {
	environment, service, _ := strings.Cut(key, "/")
	return seen.Place{Service: service, Environment: environment}
}

// Look looks at all targets once, and has the log know of what is new.
func (w *Watcher) Look(ctx context.Context) error {
	settings := w.opts.Settings()
	if settings == nil {
		w.targets.Store(0)
		return nil
	}
	began := time.Now()
	now := w.opts.Now()
	back := lookback
	if !w.looked {
		back = firstLookback
	}
	l := &look{settings: *settings, from: now.Add(-back), to: now, since: w.since, targets: map[process]*target{}, still: map[uint64]time.Time{}}
	if err := l.read(ctx, w.opts.Samples); err != nil {
		return err
	}
	w.since, w.looked = l.still, true
	w.targets.Store(int64(len(l.targets)))
	var errs []error
	for place, targets := range l.places() {
		if err := w.see(ctx, place, targets, now); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, w.miss(ctx, now))
	w.took.UpdateDuration(began)
	return errors.Join(errs...)
}

// see has the log know of what is new in one place.
func (w *Watcher) see(ctx context.Context, place seen.Place, targets []seen.Target, now time.Time) error {
	before, there := w.places[place]
	switch {
	case place.Service == "" || strings.Contains(place.Environment, "/") || max(len(place.Service), len(place.Environment)) > annotate.MaxName:
		return nil
	case !there && len(w.places) >= maxPlaces:
		return fmt.Errorf("%s in %q is not watched: there are %d services in environments already", place.Service, place.Environment, maxPlaces)
	}
	before.last = now
	w.places[place] = before
	state, reports := before.state.Next(place, targets, now)
	if len(reports) == 0 && reflect.DeepEqual(state, before.state) {
		return nil
	}
	after, err := w.keep(ctx, place, before, state, reports)
	if code := annotate.CodeOf(err); code == annotate.Invalid || code == annotate.Conflict {
		// The log will never take it; what comes next is not to be lost for that.
		w.failed.Inc()
		w.opts.Logger.Error("what was seen cannot be recorded, and is left out", "service", place.Service, "environment", place.Environment, "err", err)
		after, err = w.keep(ctx, place, before, state, nil)
	}
	if err != nil {
		return fmt.Errorf("keeping what was seen of %s in %q: %w", place.Service, place.Environment, err)
	}
	w.places[place] = after
	return nil
}

// keep has the log know the state of a place, together with what there is to report of it.
func (w *Watcher) keep(ctx context.Context, place seen.Place, before known, state seen.State, reports []annotate.Report) (known, error) {
	body, err := json.Marshal(state)
	if err != nil {
		return known{}, fmt.Errorf("encoding what was seen: %w", err)
	}
	after := known{state: state, last: before.last}
	err = w.opts.Log.Transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		if len(reports) > 0 {
			if _, err := tx.Observe(ctx, by, reports); err != nil {
				return err
			}
		}
		// It names no change: what was only seen may prove to be what was told.
		d, err := tx.PutDocument(ctx, annotate.Document{Space: space, Key: keyOf(place), Revision: before.revision, By: by, Body: body})
		after.revision = d.Revision
		return err
	})
	return after, err
}
