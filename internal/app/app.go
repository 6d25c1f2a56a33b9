package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemark/tidemark/annotate/changelog"
	deploys "github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
	"github.com/tidemark/tidemark/annotate/intake/kube"
	"github.com/tidemark/tidemark/annotate/publish"
	"github.com/tidemark/tidemark/ingest/host"
	scraping "github.com/tidemark/tidemark/ingest/scrape"
	"github.com/tidemark/tidemark/ingest/store"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/config"
	"github.com/tidemark/tidemark/internal/server"
	"github.com/tidemark/tidemark/internal/server/ofrep"
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
	access    atomic.Pointer[config.Auth] // the section auth, which a reload swaps before it is through
	parts     []reloader

	// What lives as long as the App.
	changes   *changelog.Log
	deploys   *deploys.Control
	hooks     *hooks.Hooks
	publisher *publish.Publisher
	clusters  *kube.Clusters
	flags     *control.Control
	flagFiles *flagfile.Watcher
	flagTally *flag.Tally
	authority *auth.Authority
	host      *host.Collector
	store     *store.Store
	scraper   *scraping.Scraper
	server    *server.Server
	scheme    string // http or https
	api       late
	federate  late
	ready     atomic.Bool
	serving   atomic.Bool // whether requests may be reading the samples
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
	a.access.Store(&cfg.Auth)
	if a.scheme, err = schemeOf(opts.WebConfigFile); err != nil {
		return nil, err
	}
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

// undoWithin is how long a start that failed may take to end what had begun.
const undoWithin = 8 * time.Second

// Start opens the stores, listens, and begins to scrape. When it returns nil,
// Tidemark is ready, and ctx has no meaning any more; when it returns an error,
// all that had begun was ended. A ctx that ends meanwhile ends the start.
func (a *App) Start(ctx context.Context) error {
	for _, start := range []func(context.Context) error{
		a.lockFolder, a.openChanges, a.startDeploys, a.startHooks, a.startTelling, a.startKubernetes, a.startFlags, a.openAuth, a.startHost, a.startServer, a.startSamples,
	} {
		err := ctx.Err()
		if err == nil {
			err = start(ctx)
		}
		if err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
			defer cancel()
			return errors.Join(err, a.stops.run(undo))
		}
	}
	a.telemetry.reloaded(true, a.now())
	a.ready.Store(true)
	a.logNotes(a.config.Load())
	a.logger.Info("ready", "url", a.URL(), "storage", a.opts.StoragePath, "took", time.Since(a.started))
	return nil
}

// logNotes tells what the reader of the configuration should know.
func (a *App) logNotes(cfg *config.Config) {
	for _, note := range cfg.Notes {
		a.logger.Warn("configuration", "note", note)
	}
}

// Stop ends everything within ctx: first what comes in by HTTP, then scraping,
// and the stores last. Requests that take longer than a few seconds are cut off.
func (a *App) Stop(ctx context.Context) error {
	a.ready.Store(false)
	return a.stops.run(ctx)
}

// Addr is the address that the server listens on.
func (a *App) Addr() string { return a.server.Addr().String() }

func (a *App) openChanges(ctx context.Context) error {
	log, err := changelog.Open(ctx, filepath.Join(a.opts.StoragePath, "changes.db"), changelog.Options{
		Logger:     a.logger.With("component", "changelog"),
		Metrics:    a.telemetry.set,
		JoinWithin: a.config.Load().Changes.JoinWithin,
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
	a.telemetry.set.NewGauge("tidemark_auth_tokens_readable", func() float64 {
		if tokens.Err() != nil {
			return 0 // those that were read before go on to count
		}
		return 1
	})
	users, err := auth.OpenUsers(a.opts.WebConfigFile)
	if err != nil {
		return err
	}
	a.authority = auth.NewAuthority(tokens, users, a.config.Load().Auth.Settings(), a.telemetry.set)
	return nil
}

// environmentNeeds is the role that acting on an environment takes. During a reload
// it is the higher of what was asked for and what will be, for the environment may
// be there before the reload is through, or until then.
func (a *App) environmentNeeds(environment string) auth.Role {
	return max(a.config.Load().Auth.Needs(environment), a.access.Load().Needs(environment))
}

// applyAccess takes over the section auth.
func (a *App) applyAccess(cfg *config.Config) error {
	a.authority.Apply(cfg.Auth.Settings())
	a.access.Store(&cfg.Auth)
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
		ListenAddress:    a.opts.ListenAddress,
		ExternalURL:      a.opts.ExternalURL,
		WebConfigFile:    a.opts.WebConfigFile,
		Changes:          a.changes,
		Deploys:          a.deploys,
		Hooks:            a.hooks,
		Flags:            ofrep.Controlled{Control: a.flags},
		FlagControl:      a.flags,
		FlagFiles:        a.flagFiles.Status,
		EnvironmentNeeds: a.environmentNeeds,
		FlagEnvironment:  func() string { return a.config.Load().Flags.DefaultEnvironment },
		FlagOrigins:      a.config.Load().Flags.Origins,
		FlagContext:      a.config.Load().Flags.Context,
		Authority:        a.authority,
		Prometheus:       &a.api,
		Federate:         &a.federate,
		WriteMetrics:     a.telemetry.write,
		Reload:           a.Reload,
		Ready:            a.notReady,
		Home:             a.home,
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
