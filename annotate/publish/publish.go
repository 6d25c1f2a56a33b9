package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate"
)

// Log is whose changes are told; *changelog.Log is one.
type Log interface {
	Follow(ctx context.Context, after int64, f annotate.Filter, fn func(annotate.Event) error) error
	Position(ctx context.Context) (int64, error)
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
	// Wait is the first pause after a failure, which doubles up to a hundred times it; a
	// second where it is 0.
	Wait time.Duration
}

const (
	// space has the documents that say up to where each subscriber was told.
	space = "subscriber"
	// saveEvery and saveAfter are how often that is kept: after a crash, what came since is
	// told again.
	saveEvery = 100
	saveAfter = 5 * time.Second
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
			Timeout: answersWithin,
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

	told     int64 // up to which event it was told
	kept     int64 // of told, what the log knows
	keptAt   time.Time
	revision int64 // of the document that says so
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
			err = f.opts.Log.Follow(ctx, f.told, f.Filter, func(e annotate.Event) error { return f.tell(ctx, e) })
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
		f.told, f.kept, f.revision, f.keptAt = at.After, at.After, d.Revision, time.Now()
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
		f.kept, f.revision, f.keptAt = f.told, revision, time.Now()
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
	f.told = e.Seq
	f.meters.last.Store(time.Now().Unix())
	if f.told-f.kept >= saveEvery || time.Since(f.keptAt) >= saveAfter {
		if err := f.keep(ctx); err != nil && ctx.Err() == nil {
			f.logger.Warn("it is not kept yet up to where a subscriber was told", "err", err)
		}
	}
	return ctx.Err()
}
