package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/ingest/host"
	scraping "github.com/tidemark/tidemark/ingest/scrape"
	"github.com/tidemark/tidemark/ingest/store"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/config"
	"github.com/tidemark/tidemark/internal/server"
)

// App is one Tidemark. Make it with New, then Start it once and Stop it once.
type App struct {
	opts      Options
	logger    *slog.Logger
	now       func() time.Time
	started   time.Time
	telemetry *telemetry
	stops     stops

	// What a reload swaps: the configuration, and the parts that take it over.
	reloading sync.Mutex
	config    atomic.Pointer[config.Config]
	parts     []reloader

	// What lives as long as the App.
	changes   *changelog.Log
	authority *auth.Authority
	host      *host.Collector
	store     *store.Store
	scraper   *scraping.Scraper
	server    *server.Server
	api       late
	federate  late
	ready     atomic.Bool
}

// New checks opts and the configuration, and returns an App that has begun
// nothing yet.
func New(opts Options) (*App, error) {
	a := &App{opts: opts, logger: opts.Logger, now: time.Now}
	a.started = a.now()
	a.stops.logger = opts.Logger
	a.telemetry = newTelemetry(opts.Version, a.started, opts.Logger)
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	a.config.Store(cfg)
	return a, nil
}

// loadConfig reads the configuration file, or the embedded one where there is none.
func (a *App) loadConfig() (*config.Config, error) {
	cfg, err := config.Default(), error(nil)
	if a.opts.ConfigFile != "" {
		cfg, err = config.Load(a.opts.ConfigFile)
	}
	if err != nil {
		return nil, err
	}
	if err := cfg.AddEmbeddedJobs(instance(a.opts.ListenAddress)); err != nil {
		return nil, err
	}
	return cfg, nil
}

// instance is the instance label of what Tidemark scrapes of itself and of its
// host: the host's name, with the port that tells two Tidemarks apart.
func instance(listen string) string {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return name
	}
	return net.JoinHostPort(name, port)
}

// Start opens the stores, listens, and begins to scrape. When it returns nil,
// Tidemark is ready; when it returns an error, all that had begun was ended.
func (a *App) Start(ctx context.Context) error {
	a.reloading.Lock() // a reload that comes in meanwhile waits for the parts to be there
	defer a.reloading.Unlock()
	for _, start := range []func(context.Context) error{
		a.openChanges, a.openAuth, a.startHost, a.startServer, a.startSamples,
	} {
		if err := start(ctx); err != nil {
			return errors.Join(err, a.stops.run(ctx))
		}
	}
	a.ready.Store(true)
	a.telemetry.reloaded(true, a.now())
	for _, note := range a.config.Load().Notes {
		a.logger.Warn("configuration", "note", note)
	}
	a.logger.Info("ready", "url", "http://"+a.Addr(), "storage", a.opts.StoragePath, "took", time.Since(a.started))
	return nil
}

// Stop ends everything, the newest first, within ctx.
func (a *App) Stop(ctx context.Context) error {
	a.ready.Store(false)
	return a.stops.run(ctx)
}

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.server.Addr().String() }

func (a *App) openChanges(ctx context.Context) error {
	if err := os.MkdirAll(a.opts.StoragePath, 0o700); err != nil {
		return fmt.Errorf("creating the storage folder: %w", err)
	}
	log, err := changelog.Open(ctx, filepath.Join(a.opts.StoragePath, "changes.db"), changelog.Options{
		Logger:  a.logger.With("component", "changelog"),
		Metrics: a.telemetry.set,
	})
	if err != nil {
		return err
	}
	a.changes = log
	a.stops.push("changelog", func(context.Context) error { return log.Close() })
	return nil
}

func (a *App) openAuth(ctx context.Context) error {
	tokens, err := auth.OpenTokens(ctx, filepath.Join(a.opts.StoragePath, "auth.db"))
	if err != nil {
		return err
	}
	a.stops.push("tokens", func(context.Context) error { return tokens.Close() })
	users, err := auth.OpenUsers(a.opts.WebConfigFile)
	if err != nil {
		return err
	}
	a.authority = auth.NewAuthority(tokens, users, a.config.Load().Auth.Settings(), a.telemetry.set)
	return nil
}

func (a *App) startHost(context.Context) error {
	collector, err := host.New(a.config.Load().Host.Options(a.logger.With("component", "host")))
	if err != nil {
		return err
	}
	a.host = collector
	return nil
}

// The section ingest says how much may be pushed, also after a reload, and
// package push sees to it. These are only the most that it may say.
const (
	maxPushBytes = 1 << 30
	maxPushes    = 10_000
)

// startServer listens. What is served from the sample store answers that
// Tidemark is starting, until that is open.
func (a *App) startServer(ctx context.Context) error {
	s, err := server.New(server.Options{
		ListenAddress: a.opts.ListenAddress,
		ExternalURL:   a.opts.ExternalURL,
		WebConfigFile: a.opts.WebConfigFile,
		Changes:       a.changes,
		Authority:     a.authority,
		Prometheus:    &a.api,
		Federate:      &a.federate,
		WriteMetrics:  a.telemetry.write,
		Reload:        a.Reload,
		Ready:         a.notReady,
		Home:          a.home,
		Limits: server.Limits{
			Batch:         a.config.Load().Changes.MaxPerRequest,
			PushBytes:     maxPushBytes,
			Pushes:        maxPushes,
			AnswerTimeout: a.opts.QueryTimeout + time.Minute,
		},
		Version: a.opts.Version,
		Logger:  a.logger.With("component", "http"),
		Metrics: a.telemetry.set,
	})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	a.server = s
	a.stops.push("http", s.Stop)
	return nil
}

// notReady says why queries cannot be answered; nil when they can.
func (a *App) notReady() error {
	if !a.ready.Load() {
		return errors.New("it is starting, or stopping")
	}
	return nil
}
