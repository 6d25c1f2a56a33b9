package host

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options say what is collected.
type Options struct {
	// Collectors replaces the default set; nil keeps it.
	Collectors []string
	// Enable and Disable are added to the set and taken from it.
	Enable, Disable []string
	// Flags are node_exporter's own, by name without dashes. They count for the
	// whole process and are read once in it.
	Flags map[string]string
	// Timeout is how long a scrape waits for its slowest collector; 0 for
	// DefaultTimeout.
	Timeout time.Duration

	Logger *slog.Logger
}

// DefaultTimeout is shorter than the scrape timeout of ten seconds, so that a
// collector that hangs costs its own metrics and not all of them.
const DefaultTimeout = 8 * time.Second

// maxRequests is how many scrapes are answered at once. One scraper asks for
// one at a time.
const maxRequests = 4

// Collector serves the host's metrics. Its methods may be called at any time.
type Collector struct {
	serving atomic.Pointer[serving]
}

// serving is what one configuration serves.
type serving struct {
	names    []string
	registry *prometheus.Registry
	handler  http.Handler
}

// New returns a Collector of what opts ask for. It returns an error that names
// an unknown collector or flag, and ErrNeedsRestart when opts.Flags are others
// than those of an earlier Collector of this process.
func New(opts Options) (*Collector, error) {
	c := &Collector{}
	if err := c.Apply(opts); err != nil {
		return nil, err
	}
	return c, nil
}

// Validate returns why New would refuse opts, whatever flags this process has.
func Validate(opts Options) error {
	if _, err := choose(opts); err != nil {
		return err
	}
	return ValidateFlags(opts.Flags)
}

// Apply takes over opts, whole or not at all; it returns what New returns.
func (c *Collector) Apply(opts Options) error {
	names, err := choose(opts)
	if err != nil {
		return err
	}
	if err := parseFlags(opts.Flags); err != nil {
		return err
	}
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	quiet := slog.New(newQuietHandler(opts.Logger.Handler()))
	runners := make([]*runner, len(names))
	for i, name := range names {
		runners[i] = &runner{name: name, collector: load(name, quiet), logger: opts.Logger}
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(newGatherer(runners, opts.Timeout)); err != nil {
		return fmt.Errorf("registering the host's collectors: %w", err)
	}
	c.serving.Store(&serving{
		names:    names,
		registry: registry,
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{
			// A metric that two collectors report costs itself and not the rest.
			ErrorHandling:       promhttp.ContinueOnError,
			ErrorLog:            slog.NewLogLogger(quiet.Handler(), slog.LevelWarn),
			MaxRequestsInFlight: maxRequests,
			EnableOpenMetrics:   true,
			DisableCompression:  true, // the scraper is in the same process
		}),
	})
	return nil
}

// Names lists the collectors that run, sorted.
func (c *Collector) Names() []string { return c.serving.Load().names }

// Gatherer returns the metrics as values.
func (c *Collector) Gatherer() prometheus.Gatherer { return c.serving.Load().registry }

// Handler serves the metrics in the exposition format that is asked for: text,
// OpenMetrics or protobuf. It serves at once what Apply takes over.
func (c *Collector) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.serving.Load().handler.ServeHTTP(w, r)
	})
}
