package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"

	"github.com/tidemark/tidemark/ingest/push"
	scraping "github.com/tidemark/tidemark/ingest/scrape"
	"github.com/tidemark/tidemark/ingest/store"
	"github.com/tidemark/tidemark/internal/config"
	"github.com/tidemark/tidemark/query/changeseries"
	"github.com/tidemark/tidemark/query/federate"
	"github.com/tidemark/tidemark/query/promapi"
)

// How long the parts of a stop may take that wait for others. Together they are
// well within the ten seconds after which a stop is cut off.
const (
	// reloadEnd waits for a reload under way.
	reloadEnd = 1500 * time.Millisecond
	// requestsEnd waits for requests under way, which are cut off a little earlier.
	requestsEnd = 3 * time.Second
	cutOff      = 2 * time.Second
	// remoteEnd waits for remote write to send what it has: remoteFlush for each
	// place, one after the other.
	remoteEnd   = 2500 * time.Millisecond
	remoteFlush = time.Second
)

// startSamples opens the sample store and starts what writes to it and reads
// from it, the change log's series beside the samples.
func (a *App) startSamples(ctx context.Context) error {
	cfg := a.config.Load()
	samplesDir := filepath.Join(a.opts.StoragePath, "samples")
	db, err := openStore(ctx, store.Options{
		Dir:        samplesDir,
		Retention:  a.opts.Retention,
		Config:     cfg.Prometheus,
		Logger:     a.logger.With("component", "tsdb"),
		Registerer: a.telemetry.registry,
	})
	if err != nil {
		return err
	}
	a.store = db
	var scraper scrapeManager
	outside := remote.NewStorage(a.logger.With("component", "remote"), a.telemetry.registry, db.StartTime,
		samplesDir, remoteFlush, &scraper, false)
	a.stops.pushBrief("remote write", remoteEnd, func(context.Context) error { return outside.Close() })
	a.stops.push("samples", a.unlessServing(db.Close))
	db.Notify(outside)
	samples := storage.NewFanout(a.logger, db, outside)

	subqueryStep := new(atomic.Int64)
	engine, err := promapi.NewEngine(promapi.EngineOptions{
		Timeout:        a.opts.QueryTimeout,
		MaxSamples:     a.opts.QueryMaxSamples,
		MaxConcurrency: a.opts.QueryMaxConcurrency,
		Dir:            a.opts.StoragePath,
		SubqueryStep:   func(int64) int64 { return subqueryStep.Load() },
		Logger:         a.logger,
		Registerer:     a.telemetry.registry,
	})
	if err != nil {
		return err
	}
	a.stops.push("queries", a.unlessServing(engine.Close))

	if err := a.startScraping(samples); err != nil {
		return err
	}
	scraper.set(a.scraper.Manager)

	a.parts = []reloader{
		{"host", a.applyHost},
		{"storage", prometheusPart(db.Apply)},
		{"remote_write and remote_read", prometheusPart(outside.ApplyConfig)},
		{"queries", prometheusPart(engine.Apply)},
		{"subqueries", func(cfg *config.Config) error {
			subqueryStep.Store(time.Duration(cfg.Prometheus.GlobalConfig.EvaluationInterval).Milliseconds())
			return nil
		}},
		{"access", a.applyAccess},
		{"scraping", prometheusPart(a.scraper.Apply)},
	}
	if err := applyAll(a.parts, cfg, nil); err != nil {
		return err
	}
	a.startWatching(db)
	a.scraper.Start()
	a.serveQueries(engine, samples, db, cfg)
	// Whatever could refuse a configuration comes before: to take flags over from
	// files leaves lines in the log, and is not taken back.
	a.parts = append(a.parts, reloader{"flags", a.applyFlags}, reloader{"deploys", a.applyDeploys}, reloader{"hooks", a.applyHooks}, reloader{"subscribers", a.applySubscribers}, reloader{"kubernetes", a.applyKubernetes})
	a.stops.pushBrief("requests", requestsEnd, a.endRequests)
	a.stops.pushBrief("reload", reloadEnd, func(context.Context) error {
		a.reloading.Lock()
		defer a.reloading.Unlock()
		return nil
	})
	return nil
}

// openStore opens the sample store. The replay of its write-ahead log can take
// minutes, and nothing in it can be lost: when ctx ends meanwhile, openStore
// returns at once, and the store is closed when it is open.
func openStore(ctx context.Context, opts store.Options) (*store.Store, error) {
	type opened struct {
		db  *store.Store
		err error
	}
	done := make(chan opened, 1)
	go func() {
		db, err := store.Open(opts)
		done <- opened{db, err}
	}()
	select {
	case o := <-done:
		return o.db, o.err
	case <-ctx.Done():
	}
	go func() {
		if o := <-done; o.err == nil {
			_ = o.db.Close() // nothing was written to it
		}
	}()
	return nil, fmt.Errorf("reading the write-ahead log: %w", ctx.Err())
}

// endRequests takes no more requests and waits for those under way; those that
// do not end soon are cut off. Only then may be closed what they read.
func (a *App) endRequests(ctx context.Context) error {
	draining, cancel := context.WithTimeout(ctx, cutOff)
	defer cancel()
	err := a.server.Stop(draining)
	a.api.end()
	a.federate.end()
	a.serving.Store(false)
	return err
}

// unlessServing is an end of what requests read. With requests that did not
// heed being cut off it leaves that to the end of the process, which loses
// nothing: memory that they read must not go away under them.
func (a *App) unlessServing(end func() error) func(context.Context) error {
	return func(context.Context) error {
		if a.serving.Load() {
			a.logger.Warn("left open, since requests go on that were cut off")
			return nil
		}
		return end()
	}
}

// prometheusPart is a part that takes only the sections that Prometheus has.
func prometheusPart(apply func(*promconfig.Config) error) func(*config.Config) error {
	return func(cfg *config.Config) error { return apply(cfg.Prometheus) }
}

// applyHost takes over the section host: what its collectors are. Whether they
// are asked at all is up to the job, which is in the configuration or not.
func (a *App) applyHost(cfg *config.Config) error {
	return a.host.Apply(cfg.Host.Options(a.logger.With("component", "host")))
}

func (a *App) startScraping(samples storage.Storage) error {
	// Kubernetes' client counts for the whole process, whatever it discovers.
	if err := discovery.RegisterK8sClientMetricsWithPrometheus(a.telemetry.registry); err != nil {
		return fmt.Errorf("registering the metrics of Kubernetes' client: %w", err)
	}
	inProcess := map[string]http.Handler{config.SelfHost: a.telemetry, config.NodeHost: a.host.Handler()}
	scraper, err := scraping.New(scraping.Options{
		Appendable: samples,
		InProcess:  inProcess,
		Logger:     a.logger,
		Registerer: a.telemetry.registry,
	})
	if err != nil {
		return err
	}
	a.scraper = scraper
	a.stops.push("scraping", func(context.Context) error { return scraper.Stop() })
	return nil
}

// serveQueries puts the query endpoints in place of the answer that Tidemark is
// starting.
func (a *App) serveQueries(engine *promapi.Engine, samples storage.Storage, db *store.Store, cfg *config.Config) {
	queryable := a.newChangeSeries(samples, cfg)
	// As with Prometheus, federation hands on what is here, and nothing that
	// remote read would fetch from elsewhere.
	local := a.newChangeSeries(db, cfg)
	limits := cfg.Ingest.Limits()
	limited := push.Limit(samples, limits, a.telemetry.set)
	api := promapi.New(promapi.Options{
		Engine:       engine,
		Queryable:    queryable,
		Appendable:   limited,
		Exemplars:    db,
		Targets:      a.scraper,
		Metadata:     metadata(),
		Store:        db,
		StoreDir:     filepath.Join(a.opts.StoragePath, "samples"),
		Admin:        a.opts.AdminAPI,
		Config:       func() promconfig.Config { return *a.config.Load().Prometheus },
		Flags:        a.opts.Flags,
		Listen:       a.Addr(),
		ExternalURL:  a.externalURL(),
		QueryTimeout: a.opts.QueryTimeout,
		Runtime:      a.runtimeInfo,
		Version:      a.version(),
		Logger:       a.logger,
		Registerer:   a.telemetry.registry,
		Gatherer:     a.telemetry.registry,
	})
	receiver := push.Receive(api, limits, a.telemetry.set)
	a.parts = append(a.parts,
		reloader{"ingest", func(cfg *config.Config) error {
			limited.Apply(cfg.Ingest.Limits())
			receiver.Apply(cfg.Ingest.Limits())
			return nil
		}},
		reloader{"changes", func(cfg *config.Config) error {
			queryable.apply(cfg)
			local.apply(cfg)
			a.server.LimitBatch(cfg.Changes.MaxPerRequest)
			return nil
		}},
	)
	a.serving.Store(true)
	routes := http.NewServeMux()
	routes.Handle("/", api)
	routes.Handle("/write", receiver)
	routes.Handle("/otlp/v1/metrics", receiver)
	a.api.set(routes)
	a.federate.set(federate.New(federate.Options{
		Queryable:      local,
		ExternalLabels: func() labels.Labels { return a.config.Load().Prometheus.GlobalConfig.ExternalLabels },
		Lookback:       promapi.Lookback,
		Parser:         promapi.NewParser(),
		Logger:         a.logger,
	}))
}

// metadata describes the change series for /api/v1/metadata.
func metadata() []scrape.MetricMetadata {
	var list []scrape.MetricMetadata
	for name, md := range changeseries.Metadata() {
		list = append(list, scrape.MetricMetadata{MetricFamily: name, Type: md.Type, Help: md.Help, Unit: md.Unit})
	}
	return list
}

// scrapeManager hands the scrape manager to remote write, which asks it for
// metadata, once it is there.
type scrapeManager struct {
	manager atomic.Pointer[scrape.Manager]
}

func (s *scrapeManager) set(m *scrape.Manager) { s.manager.Store(m) }

// Get implements remote.ReadyScrapeManager.
func (s *scrapeManager) Get() (*scrape.Manager, error) {
	if m := s.manager.Load(); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("the scrape manager is starting")
}
