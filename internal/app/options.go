package app

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/tidemark/tidemark/ingest/store"
)

// Options are what the command line decides. What may change while Tidemark
// runs is in the configuration file instead.
type Options struct {
	// ConfigFile is the configuration; empty for the embedded defaults.
	ConfigFile string
	// StoragePath is the one folder that holds all that Tidemark keeps.
	StoragePath string
	// Retention applies where the configuration file says nothing of it.
	Retention store.Retention

	// ListenAddress is host:port; port 0 takes a free one.
	ListenAddress string
	// ExternalURL is how others reach the server; its path prefixes every
	// route. Nil for the address it listens on.
	ExternalURL *url.URL
	// WebConfigFile is Prometheus' web configuration file: TLS and basic auth.
	WebConfigFile string
	// AdminAPI switches the endpoints on that delete samples and take snapshots.
	AdminAPI bool

	QueryTimeout        time.Duration
	QueryMaxSamples     int
	QueryMaxConcurrency int

	// Flags are the command line's, to be shown at /api/v1/status/flags.
	Flags   map[string]string
	Version string
	Logger  *slog.Logger
}
