package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate"
)

// Log is whose changes are told; *changelog.Log is one.
type Log interface {
	Follow(ctx context.Context, after int64, f annotate.Filter, fn func(annotate.Event) error) error
	Position(ctx context.Context) (int64, error)
	Revisions(ctx context.Context, id string) ([]annotate.Revision, error)
	Documents(ctx context.Context, space string) ([]annotate.Document, error)
	Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error
}

// Subscriber is who is told of changes, and how.
type Subscriber struct {
	Name, URL string
	// Format is how a change is written.
	Format Format
	// Filter says of which changes; its times do not count.
	Filter annotate.Filter
	// Secrets returns the secrets as they are now, of which the first signs. Its error
	// never holds one.
	Secrets func() ([]string, error)
}

// Options of a Publisher.
type Options struct {
	Log     Log
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Source names this Tidemark in CloudEvents: its URL, where it has one.
	Source string
	// Version is Tidemark's own.
	Version string
	// Wait is the first pause after a failure, which doubles up to 300 times it; a second
	// where it is 0.
	Wait time.Duration
}

const (
	// space has the documents that say up to where each subscriber was told.
	space = "subscriber"
	// saveAfter is how often that is kept: after a crash, what came since is told again.
	saveAfter = 2 * time.Second
	// answersWithin is how long a subscriber may take to answer.
	answersWithin = 10 * time.Second
)

// Publisher tells subscribers of changes until it is closed.
type Publisher struct {
	opts   Options
	client *http.Client

	mu      sync.Mutex // of Apply and Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	meters  map[string]*meters
}

// New returns a Publisher that has no subscribers yet.
func New(o Options) *Publisher {
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	return &Publisher{
		opts: o, meters: map[string]*meters{},
		client: &http.Client{
			Timeout:   answersWithin,
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
			// The signature is for the one server only.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Apply takes over which subscribers there are. One that was there goes on where it was.
func (p *Publisher) Apply(subscribers []Subscriber) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.running.Go(func() { p.forget(ctx, subscribers) })
	for _, s := range subscribers {
		m := p.meters[s.Name]
		if m == nil {
			m = newMeters(p.opts.Metrics, s.Name)
			p.meters[s.Name] = m
		}
		f := &follower{Publisher: p, Subscriber: s, meters: m, logger: p.opts.Logger.With("subscriber", s.Name)}
		p.running.Go(func() { f.run(ctx) })
	}
}

// forget lets go of up to where those were told who are subscribers no more: one of the
// same name is new.
func (p *Publisher) forget(ctx context.Context, subscribers []Subscriber) {
	documents, err := p.opts.Log.Documents(ctx, space)
	for _, d := range documents {
		if slices.ContainsFunc(subscribers, func(s Subscriber) bool { return s.Name == d.Key }) {
			continue
		}
		gone := d
		gone.Body, gone.By = nil, "tidemark"
		err = errors.Join(err, p.opts.Log.Transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
			_, err := tx.PutDocument(ctx, gone)
			return err
		}))
	}
	if err != nil && ctx.Err() == nil {
		p.opts.Logger.Warn("what is known of former subscribers stays", "err", err)
	}
}

// Close ends the telling. What was not told yet is told after the next start.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

func (p *Publisher) end() {
	if p.cancel != nil {
		p.cancel()
	}
	p.running.Wait()
	p.client.CloseIdleConnections()
}

// follower tells one subscriber.
type follower struct {
	*Publisher
	Subscriber
	meters *meters
	logger *slog.Logger

	mu       sync.Mutex // of what follows
	told     int64      // up to which event it was told
	kept     int64      // of told, what the log knows
	revision int64      // of the document that says so
}

// run tells the subscriber until ctx ends.
func (f *follower) run(ctx context.Context) {
	for begun := false; ctx.Err() == nil; {
		err := error(nil)
		if !begun {
			err = f.begin(ctx)
			begun = err == nil
		}
		if err == nil {
			err = f.follow(ctx)
		}
		if ctx.Err() == nil {
			f.logger.Error("telling a subscriber stopped, and goes on shortly", "err", err)
			pause(ctx, f.opts.Wait)
		}
	}
	// What was told is kept also where the telling ends in the middle.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := f.keep(last); err != nil {
		f.logger.Warn("it is not kept up to where a subscriber was told; it is told some again", "err", err)
	}
}

// follow tells of what comes, and keeps up to where from time to time.
func (f *follower) follow(ctx context.Context) error {
	keeping, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for keeping.Err() == nil {
			pause(keeping, saveAfter)
			if err := f.keep(keeping); err != nil && keeping.Err() == nil {
				f.logger.Warn("it is not kept yet up to where a subscriber was told", "err", err)
			}
		}
	})
	defer done.Wait()
	defer cancel()
	// Of all changes: what it is not told of counts as well for up to where it was told.
	return f.opts.Log.Follow(ctx, f.told, annotate.Filter{}, func(e annotate.Event) error {
		if f.wants(e.Change) {
			if err := f.tell(ctx, e); err != nil {
				return err
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.told = e.Seq
		return nil
	})
}

// wants reports whether the subscriber is told of a change.
func (f *follower) wants(c annotate.Change) bool {
	any := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return any(f.Filter.Kinds, c.Kind) && any(f.Filter.Services, c.Service) && any(f.Filter.Environments, c.Environment) &&
		(len(f.Filter.Statuses) == 0 || slices.Contains(f.Filter.Statuses, c.Status))
}

// position is the document of a subscriber.
type position struct {
	After int64 `json:"after"`
}

// begin finds where the subscriber was told up to: a new one is told from now on.
func (f *follower) begin(ctx context.Context) error {
	documents, err := f.opts.Log.Documents(ctx, space)
	if err != nil {
		return fmt.Errorf("reading up to where subscribers were told: %w", err)
	}
	for _, d := range documents {
		if d.Key != f.Name {
			continue
		}
		var at position
		if err := json.Unmarshal(d.Body, &at); err != nil {
			return fmt.Errorf("reading up to where a subscriber was told: %w", err)
		}
		f.told, f.kept, f.revision = at.After, at.After, d.Revision
		return nil
	}
	if f.told, err = f.opts.Log.Position(ctx); err != nil {
		return fmt.Errorf("reading where the log stands: %w", err)
	}
	f.kept = -1
	return f.keep(ctx)
}

// keep has the log know up to where the subscriber was told.
func (f *follower) keep(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told == f.kept {
		return nil
	}
	body, err := json.Marshal(position{f.told})
	if err != nil {
		return err
	}
	var revision int64
	err = f.opts.Log.Transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		d, err := tx.PutDocument(ctx, annotate.Document{Space: space, Key: f.Name, Revision: f.revision, By: "tidemark", Body: body})
		revision = d.Revision
		return err
	})
	if err == nil {
		f.kept, f.revision = f.told, revision
	}
	return err
}

// tell tells of one event, however long that takes, and returns ctx's error alone.
func (f *follower) tell(ctx context.Context, e annotate.Event) error {
	wait := f.opts.Wait
	for {
		outcome, after, err := f.send(ctx, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.meters.count(outcome)
		if outcome != failed {
			if outcome == refused {
				f.logger.Warn("a subscriber refuses a change, and is told of the next", "change", e.Change.ID, "err", err)
			}
			break
		}
		if wait == f.opts.Wait {
			f.logger.Warn("a subscriber was not told, and is again", "change", e.Change.ID, "err", err)
		}
		pause(ctx, max(min(after, longest*f.opts.Wait), jittered(wait)))
		wait = min(2*wait, longest*f.opts.Wait)
	}
	f.meters.last.Store(time.Now().Unix())
	return ctx.Err()
}
