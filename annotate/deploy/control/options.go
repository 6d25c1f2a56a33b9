// Package control is the controls of deploys: the queue of each target, the holds
// in front of it, and the runs that are under way. It keeps them in the change log's
// database, each state together with the change that tells of it, and follows what
// runs until it has ended, also after a restart. It never serves a request itself.
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
	// DocumentRevisions returns up to limit revisions, newest first: those before
	// the one numbered before, or the newest where that is 0.
	DocumentRevisions(ctx context.Context, space, key string, before int64, limit int) ([]annotate.Document, error)
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
	Targets []Target
	Freezes []deploy.Freeze
	// RequireReason are the environments in which a deploy needs a reason.
	RequireReason []string
	// LogBytes is how much of a run's log is kept, and KeepRuns of how many ended
	// runs of a target; the defaults where they are 0.
	LogBytes int64
	KeepRuns int
}

// The defaults of Settings, and what is bounded whatever they say.
const (
	DefaultLogBytes = 10 << 20
	DefaultKeepRuns = 50
	// MaxQueue is how many runs of a target may wait.
	MaxQueue = 50
	// MaxHolds is how many holds there may be.
	MaxHolds = 200
	// MaxReason is how long a reason may be, in bytes.
	MaxReason = 8 << 10
)

// Options of a Control; the zero value of each but Log and Folder takes its default.
type Options struct {
	Log      Log
	Settings Settings
	// Folder is where the logs of runs are kept, and what their drivers know of them.
	Folder  string
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock. It should be the log's.
	Now func() time.Time
}

// Author is who asks for something, and why.
type Author struct {
	// By is how the caller is known: the token's name.
	By string
	// Who asks where that is somebody else; nil for By.
	Who *annotate.Who
	// Reason is why, for the reader of the log.
	Reason string
}

// Request asks for a deploy.
type Request struct {
	Author
	// Service and Environment name the target; Environment may be empty where the
	// service has one target only.
	Service, Environment string
	Version              string
	Parameters           map[string]string
	// ExternalID is the caller's own identity for the deploy; empty for none.
	ExternalID string
	// Wait says to wait in the queue while the target is held or frozen, instead of
	// being refused.
	Wait bool
	// Overrides are the ids of holds, and the names of freezes, that it passes.
	Overrides []string
}

// View is a run as it stands, with what can be said about it at the moment.
type View struct {
	deploy.Run
	// Position is how many runs of the target begin or end before a run that waits,
	// itself included: 1 is next. It is 0 for a run that does not wait.
	Position int `json:"position,omitempty" doc:"Which in the queue it is; 1 is next, absent if it does not wait"`
	// Behind is the id of the run that is under way before it; empty for none.
	Behind string `json:"behind,omitempty" doc:"The id of the run that is under way before it"`
	// Obstacles are what keeps it from beginning, beside the queue.
	Obstacles []deploy.Obstacle `json:"obstacles,omitempty" doc:"The holds and freezes that it waits for"`
	// LastFive is how many seconds the last five of the target took that succeeded,
	// newest first, and Expected when by their median this one should be done; the
	// zero time where it does not run, or there are none.
	LastFive []float64     `json:"last_five" doc:"How many seconds the last five that succeeded took, newest first"`
	Expected annotate.Time `json:"expected,omitzero" doc:"When it should be done, by the median of the last five"`
	// Links lead to its diff and to where it runs.
	Links []annotate.Link `json:"links,omitempty" doc:"Its diff, and where it runs"`
	// LogBytes is how long its log is at the moment.
	LogBytes int64 `json:"log_bytes" doc:"How long its log is so far, in bytes"`
}

// TargetView is a target as it stands.
type TargetView struct {
	deploy.ID
	Driver string `json:"driver" doc:"What carries its deploys out"`
	// VersionPattern and Parameters are what may be asked for.
	VersionPattern string                   `json:"version_pattern" doc:"What a version must match, as a whole"`
	Parameters     map[string]ParameterView `json:"parameters,omitempty" doc:"What else may be chosen, by name"`
	Timeout        float64                  `json:"timeout_seconds" doc:"How long a deploy may take"`
	// Version is the one that is deployed, by the log; empty where it has none.
	Version   string            `json:"version,omitempty" doc:"The version that is deployed, by the change log"`
	Running   *View             `json:"running,omitempty" doc:"The deploy that is under way"`
	Queue     []View            `json:"queue" doc:"The deploys that wait, next first"`
	Obstacles []deploy.Obstacle `json:"obstacles" doc:"The holds and freezes in its way"`
	// Recent are the last runs that ended, newest first.
	Recent   []View    `json:"recent" doc:"The last that ended, newest first"`
	LastFive []float64 `json:"last_five" doc:"How many seconds the last five that succeeded took, newest first"`
}

// ParameterView is a parameter as its callers see it.
type ParameterView struct {
	Pattern     string  `json:"pattern" doc:"What a value must match, as a whole"`
	Default     *string `json:"default,omitempty" doc:"The value where none is given; absent where one must be"`
	Description string  `json:"description,omitempty" doc:"What it is for"`
}

// Check is the answer to the question whether a deploy may begin.
type Check struct {
	deploy.ID
	// Allowed is whether nothing holds or freezes it. A deploy that is under way does
	// not count: the next waits for it.
	Allowed   bool              `json:"allowed" doc:"Whether a deploy may begin, as far as holds and freezes go"`
	Obstacles []deploy.Obstacle `json:"obstacles" doc:"What keeps it from beginning"`
	// Target is whether Tidemark itself can deploy it, and Running what is under way there.
	Target  bool   `json:"target" doc:"Whether Tidemark itself can deploy it"`
	Running *View  `json:"running,omitempty" doc:"The deploy that Tidemark carries out there at the moment"`
	Queue   []View `json:"queue" doc:"The deploys that wait there, next first"`
}

// HoldRequest asks for a hold.
type HoldRequest struct {
	Author
	// Service and Environment are what to hold; empty for all.
	Service, Environment string
	// Until is when it ends by itself: within deploy.MaxHold.
	Until time.Time
}
