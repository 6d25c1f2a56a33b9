package flagfile

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/fsnotify/fsnotify"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// Control takes the flags of files. Its methods may be called at the same time.
type Control interface {
	// Sync makes the flags of a file what it says, or refuses it whole.
	Sync(ctx context.Context, file control.File) (control.Synced, error)
	// Release leaves the flags of a file, which is read no more, to the API.
	Release(ctx context.Context, environment, path string) (control.Synced, error)
	// Set returns an environment's flags.
	Set(environment string) (*flag.Set, bool)
	// Environments returns the names of those that have flags.
	Environments() []string
}

// Options of a Watcher; the zero value of each but Control takes its default.
type Options struct {
	Control Control
	Sources []Source
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Poll is how often the files are looked at though nothing was heard of them,
	// as on network file systems; 30 s by default.
	Poll time.Duration
	// Settle is how long a file must be left alone before it is taken, and missing
	// before it is gone: 200 ms by default.
	Settle time.Duration
	// Now is the clock that the times of files are compared with.
	Now func() time.Time
}

// Status is how it stands with one file, or with a source whose files cannot be told.
type Status struct {
	Environment string `json:"environment"`
	Path        string `json:"path"`
	OK          bool   `json:"ok" doc:"Whether the flags are as the file says; if not, they are as it said before"`
	// Problems say what is wrong, each with the line and the path where they are known.
	Problems []string      `json:"problems,omitempty" doc:"What is wrong, and where"`
	Flags    int           `json:"flags" doc:"How many flags it defines"`
	Commit   string        `json:"commit,omitempty" doc:"The Git commit that it is of, as it was taken last"`
	Taken    annotate.Time `json:"taken,omitzero" doc:"When it was last taken"`
	Tried    annotate.Time `json:"tried" doc:"When it was last tried"`
}

// Watcher keeps the flags as files say.
type Watcher struct {
	control Control
	logger  *slog.Logger
	metrics *metrics.Set
	poll    time.Duration
	settle  time.Duration
	now     func() time.Time
	notify  *fsnotify.Watcher // nil where the system has none

	ctx    context.Context
	end    context.CancelFunc
	worker sync.WaitGroup

	asks   chan chan<- bool // for a look, and to be told whether to look again
	wanted atomic.Pointer[[]Source]

	// What follows is the worker's.
	sources []Source
	files   map[place]*known
	watched map[string]bool // folders, and whether it works
	gauges  map[place]bool

	mu     sync.Mutex
	status []Status
}

// place is a file in the role that it has for one environment.
type place struct{ environment, path string }

// firstLook is how long Start waits for files that do not answer.
const firstLook = 10 * time.Second

// Start reads all files and begins to watch them. A file that is wrong is no
// error: its flags stay as they were, and Status says why. Where a file system does
// not answer, Start goes on after some seconds, and the files are taken when it does.
func Start(ctx context.Context, opts Options) *Watcher {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = metrics.NewSet()
	}
	if opts.Poll == 0 {
		opts.Poll = 30 * time.Second
	}
	if opts.Settle == 0 {
		opts.Settle = 200 * time.Millisecond
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	w := &Watcher{
		control: opts.Control, logger: opts.Logger, metrics: opts.Metrics, poll: opts.Poll, settle: opts.Settle, now: opts.Now,
		asks: make(chan chan<- bool), files: map[place]*known{}, watched: map[string]bool{}, gauges: map[place]bool{},
	}
	w.want(opts.Sources)
	w.ctx, w.end = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if w.notify, err = fsnotify.NewWatcher(); err != nil {
		w.logger.Warn("files of flags are not watched, but looked at from time to time", "every", w.poll, "err", err)
	}
	looked := make(chan struct{})
	w.worker.Go(func() {
		again := w.look(w.ctx)
		if again && w.waits(w.ctx) {
			again = w.look(w.ctx)
		}
		close(looked)
		w.watch(again)
	})
	patience := time.NewTimer(firstLook)
	defer patience.Stop()
	select {
	case <-looked:
	case <-ctx.Done():
	case <-patience.C:
		w.logger.Warn("reading the files of flags takes long; the flags are as they were until it is done")
	}
	return w
}

// Close ends the watching, and waits for the look that is under way.
func (w *Watcher) Close() error {
	w.end()
	var err error
	if w.notify != nil {
		err = w.notify.Close()
	}
	w.worker.Wait()
	for p := range w.gauges {
		w.metrics.UnregisterMetric(metricName(p))
	}
	return err
}

func (w *Watcher) want(sources []Source) {
	sources = slices.Clone(sources)
	w.wanted.Store(&sources)
}

// Apply takes over other sources, and reads what they have. The flags of files
// that are read no more stay, for the API to change. When ctx ends first, that goes
// on without the caller.
func (w *Watcher) Apply(ctx context.Context, sources []Source) {
	w.want(sources)
	if w.ask(ctx) && w.waits(ctx) {
		w.ask(ctx)
	}
}

// Refresh looks at the files now, and returns when that is done, or ctx is. What
// has to settle is taken later.
func (w *Watcher) Refresh(ctx context.Context) { w.ask(ctx) }

// ask has the worker look, and returns whether something has to settle.
func (w *Watcher) ask(ctx context.Context) (again bool) {
	done := make(chan bool, 1)
	select {
	case w.asks <- done:
	case <-ctx.Done():
		return false
	case <-w.ctx.Done():
		return false
	}
	select {
	case again = <-done:
	case <-ctx.Done():
	}
	return again
}

// waits waits until what was seen now has settled, and returns false when ctx or
// the Watcher ends before.
func (w *Watcher) waits(ctx context.Context) bool {
	timer := time.NewTimer(w.settle)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-w.ctx.Done():
	}
	return false
}

// Status returns how it stands with each file, by environment and path.
func (w *Watcher) Status() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.status)
}

// watch looks at the files when something happens near them, from time to time, and
// again when something had to settle.
func (w *Watcher) watch(again bool) {
	poll := time.NewTicker(w.poll)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	pending := again
	if pending {
		quiet.Reset(w.settle)
	}
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}
	for {
		var asked chan<- bool
		select {
		case <-w.ctx.Done():
			return
		case asked = <-w.asks:
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if e.Op == fsnotify.Chmod || !concerns(e.Name) {
				continue
			}
			// One that is written without a pause keeps no other from being taken.
			if !pending {
				pending = true
				quiet.Reset(w.settle)
			}
			continue
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			w.logger.Warn("watching the files of flags missed something", "err", err)
		case <-quiet.C:
		case <-poll.C:
		}
		if pending = w.look(w.ctx); pending {
			quiet.Reset(w.settle)
		}
		if asked != nil {
			asked <- pending
		}
	}
}

// concerns reports whether what happened to a file may be about flags: a file of
// them, or something without an ending, which may be a folder or a link to one.
func concerns(path string) bool {
	if _, ok := flag.FormatOf(path); ok {
		return true
	}
	base := filepath.Base(path)
	return filepath.Ext(base) == "" || strings.HasPrefix(base, "..")
}

// follow watches the folders of all sources, and no others.
func (w *Watcher) follow() {
	if w.notify == nil {
		return
	}
	wanted := map[string]bool{}
	for _, s := range w.sources {
		for _, folder := range s.folders() {
			wanted[folder] = true
		}
	}
	for folder := range w.watched {
		if !wanted[folder] {
			_ = w.notify.Remove(folder) // it may be gone, or was never there
			delete(w.watched, folder)
		}
	}
	for folder := range wanted {
		err := w.notify.Add(folder) // again where it was replaced by another
		if worked, tried := w.watched[folder]; err != nil && (worked || !tried) {
			w.logger.Warn("a folder of flags is not watched, but looked at from time to time", "folder", folder, "every", w.poll, "err", err)
		}
		w.watched[folder] = err == nil
	}
}
