package changelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver

	"github.com/tidemark/tidemark/annotate"
)

// Options of a Log; the zero value of each takes its default.
type Options struct {
	Logger *slog.Logger
	// Metrics is where the log's own metrics go: a set for no other open log.
	Metrics *metrics.Set
	// Now is the log's clock.
	Now func() time.Time
	// NewID gives each new change its id; UUIDv7 by default.
	NewID func() (string, error)
	// MaxQueue is how many calls may wait to be written; more are refused. 4096 by default.
	MaxQueue int
	// MaxRevisions is how many revisions of one change are kept; after that it
	// takes no more. 1000 by default.
	MaxRevisions int
	// JoinWithin is how far apart in time two sources may tell of the same deploy, for it
	// to be one change; 30 minutes by default, and never where it is negative.
	JoinWithin time.Duration
}

// DefaultJoinWithin is Options.JoinWithin where it is not given.
const DefaultJoinWithin = 30 * time.Minute

// Log is the change log. All its methods may be called at the same time. Times
// are kept in milliseconds.
type Log struct {
	opts  Options
	write *sql.DB // one connection, the writer's
	read  *sql.DB
	*statements
	metrics *logMetrics
	queue   chan *call
	closed  chan struct{}
	once    sync.Once
	writer  sync.WaitGroup
	news    broadcast
	names   groupNames
}

// Open opens the log at path, creates it when missing, and brings an older one
// up to date. One from a newer Tidemark is refused.
func Open(ctx context.Context, path string, opts Options) (*Log, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = metrics.NewSet()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.NewID == nil {
		opts.NewID = newUUID
	}
	if opts.MaxQueue == 0 {
		opts.MaxQueue = 4096
	}
	if opts.MaxRevisions == 0 {
		opts.MaxRevisions = 1000
	}
	if opts.JoinWithin == 0 {
		opts.JoinWithin = DefaultJoinWithin
	}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("opening the change log: %w", err)
	}
	l := &Log{
		opts:   opts,
		queue:  make(chan *call, opts.MaxQueue),
		closed: make(chan struct{}),
	}
	l.news.init()
	l.metrics = newLogMetrics(opts.Metrics, func() float64 { return float64(len(l.queue)) })
	if err := l.open(ctx, path); err != nil {
		l.metrics.close()
		return nil, errors.Join(fmt.Errorf("opening the change log %s: %w", path, err), l.closeDatabases())
	}
	l.writer.Go(l.writeQueued)
	return l, nil
}

func (l *Log) open(ctx context.Context, path string) (err error) {
	if l.write, err = sql.Open("sqlite", dsn(path, false)); err != nil {
		return err
	}
	l.write.SetMaxOpenConns(1)
	if err = migrate(ctx, l.write, migrations); err != nil {
		return err
	}
	if l.statements, err = prepare(ctx, l.write); err != nil {
		return err
	}
	if l.read, err = sql.Open("sqlite", dsn(path, true)); err != nil {
		return err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	l.read.SetMaxOpenConns(readers)
	l.read.SetMaxIdleConns(readers)
	return l.read.PingContext(ctx)
}

// dsn names the database at path with the settings that its promises rest on:
// with synchronous=FULL a commit is on the disk before it returns.
func dsn(path string, readOnly bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "journal_size_limit(67108864)",
	}}
	if readOnly {
		q.Set("_txlock", "deferred")
		q.Add("_pragma", "query_only(ON)")
		q.Add("_pragma", "cache_size(-16384)") // KiB, for each connection
	} else {
		q.Set("_txlock", "immediate")
		q.Add("_pragma", "cache_size(-65536)")
		q.Add("_pragma", "temp_store(MEMORY)") // savepoints copy pages: not to a file
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// prepareFile makes sure that nobody but the owner reads the database.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Close waits until what was taken is written, and closes the log. Calls that
// come later are refused as Unavailable.
func (l *Log) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.metrics.close()
	})
	l.writer.Wait()
	return l.closeDatabases()
}

// readError returns err, or that the log is closed where that is why.
func (l *Log) readError(err error) error {
	select {
	case <-l.closed:
		if err != nil && annotate.CodeOf(err) == "" {
			return errClosed()
		}
	default:
	}
	return err
}

func (l *Log) closeDatabases() error {
	var errs []error
	for _, db := range []*sql.DB{l.read, l.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

func newUUID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}
