package control

import (
	"context"
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
)

// Log is what the controls need of the change log. Its methods may be called at
// the same time.
type Log interface {
	// Transact calls do once, and returns nil when what it did is durable. What it
	// did is kept whole or, when Transact returns an error, not at all.
	Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error
	// Documents returns the newest revision of each document that is not deleted.
	Documents(ctx context.Context, space string) ([]annotate.Document, error)
	// List returns a page of changes, newest start first.
	List(ctx context.Context, q annotate.List) (annotate.Page, error)
	// Get returns a change, or a NotFound error.
	Get(ctx context.Context, id string) (annotate.Change, error)
}

// Target is a deploy.Target with what carries its deploys out.
type Target struct {
	deploy.Target
	Driver driver.Driver
}

// Settings are what the configuration decides, and a reload may change.
type Settings struct {
	// Targets are what can be deployed, each service and environment once.
	Targets []Target
	Freezes []deploy.Freeze
	// RequireReason are the environments in which a deploy needs a reason.
	RequireReason []string
	// LogBytes is how much is kept of the beginning of a run's log, and KeepRuns of
	// how many of a target's runs that ended anything is kept beside the change. The
	// defaults where they are 0.
	LogBytes int64
	KeepRuns int
}

// The defaults of Settings, and what is bounded whatever they say.
const (
	DefaultKeepRuns = 50
	// MaxQueue is how many runs of a target may wait.
	MaxQueue = 50
)

// Options of a Control; the zero value of each but Log and Folder takes its default.
type Options struct {
	Log      Log
	Settings Settings
	// Folder is where the logs of runs are kept, and what their drivers must remember.
	Folder string
	Logger *slog.Logger
	// Metrics is where the controls' own metrics go.
	Metrics *metrics.Set
	// Now is the clock. It should be the log's.
	Now func() time.Time
	// Grace is how long what is cancelled may take to end by itself; 10 s where it
	// is 0.
	Grace time.Duration
}
