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

// remoteFlush is how long a stop waits for remote write to send what it has:
// well within the ten seconds after which a stop is cut off.
const remoteFlush = 3 * time.Second

// startSamples opens the sample store and starts what writes to it and reads
// from it, the change log's series beside the samples.
func (a *App) startSamples(context.Context) error {
	cfg := a.config.Load()
	samplesDir := filepath.Join(a.opts.StoragePath, "samples")
	db, err := store.Open(store.Options{
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
	db.Notify(outside)
	samples := storage.NewFanout(a.logger, db, outside)
	a.stops.push("samples", func(context.Context) error { return samples.Close() })

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
	a.stops.push("queries", func(context.Context) error { return engine.Close() })

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
		{"access", func(cfg *config.Config) error { a.authority.Apply(cfg.Auth.Settings()); return nil }},
		{"scraping", prometheusPart(a.scraper.Apply)},
	}
	if err := applyAll(a.parts, cfg, nil); err != nil {
		return err
	}
	a.serveQueries(engine, samples, db, cfg)
	a.scraper.Start()
	return nil
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
	queryable := changeseries.New(samples, a.changes, changeseries.Options{
		MaxChanges: cfg.Changes.Series.MaxChanges,
		MaxGroups:  cfg.Changes.Series.MaxGroups,
		Metrics:    a.telemetry.set,
	})
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
	a.parts = append(a.parts, reloader{"ingest", func(cfg *config.Config) error {
		limited.Apply(cfg.Ingest.Limits())
		receiver.Apply(cfg.Ingest.Limits())
		return nil
	}})
	routes := http.NewServeMux()
	routes.Handle("/", api)
	routes.Handle("/write", receiver)
	routes.Handle("/otlp/v1/metrics", receiver)
	a.api.set(routes)
	a.federate.set(federate.New(federate.Options{
		Queryable:      queryable,
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
