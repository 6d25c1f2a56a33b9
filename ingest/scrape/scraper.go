package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/logging"
)

// Options say what a Scraper needs.
type Options struct {
	// Appendable takes the samples.
	Appendable storage.AppendableV2
	// InProcess are targets within this process, by the host name under which
	// the configuration names them, on port 80.
	InProcess map[string]http.Handler

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Scraper finds targets and scrapes them. Apply gives it its configuration,
// the first time before Start.
type Scraper struct {
	*scrape.Manager
	discovery *discovery.Manager
	sdMetrics *discovery.SDMetrics
	inProcess *inProcess
	conns     *connections
	logger    *slog.Logger

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// scrapesEnd is how long scrapes under way may take once the Scraper stops.
const scrapesEnd = 500 * time.Millisecond

// settle is how long discovery gathers changes of targets before they are
// scraped: short, so that the first samples are there soon after the start.
const settle = time.Second

// New returns a Scraper that does nothing yet.
func New(opts Options) (*Scraper, error) {
	sdMetrics, err := discovery.CreateAndRegisterSDMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("registering the metrics of service discovery: %w", err)
	}
	s := &Scraper{sdMetrics: sdMetrics, logger: opts.Logger}
	s.inProcess = newInProcess(opts.InProcess, opts.Logger)
	s.conns = newConnections(s.inProcess.dial)
	registry := features.NewRegistry()
	s.Manager, err = scrape.NewManager(
		&scrape.Options{
			DiscoveryReloadOnStartup: true,
			FeatureRegistry:          registry,
			HTTPClientOptions: []commonconfig.HTTPClientOption{
				commonconfig.WithDialContextFunc(commonconfig.DialContextFunc(s.conns.dial)),
			},
		},
		opts.Logger.With("component", "scrape"),
		logging.NewJSONFileLogger,
		nil, opts.Appendable,
		opts.Registerer,
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("creating the scrape manager: %w", err), s.inProcess.close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.discovery = discovery.NewManager(ctx, opts.Logger.With("component", "discovery"), opts.Registerer, sdMetrics,
		discovery.Name("scrape"), discovery.Updatert(settle), discovery.FeatureRegistry(registry))
	if s.discovery == nil {
		cancel()
		return nil, errors.Join(errors.New("creating the discovery manager failed; the log says why"), s.inProcess.close())
	}
	return s, nil
}

// Apply makes cfg's scrape configurations the ones in force.
func (s *Scraper) Apply(cfg *config.Config) error {
	jobs, err := cfg.GetScrapeConfigs()
	if err != nil {
		return fmt.Errorf("reading scrape_config_files: %w", err)
	}
	// The scrape manager comes first: it has to know a job before discovery
	// finds targets for it.
	if err := s.ApplyConfig(cfg); err != nil {
		return fmt.Errorf("applying scrape_configs: %w", err)
	}
	discoveries := make(map[string]discovery.Configs, len(jobs))
	for _, job := range jobs {
		discoveries[job.JobName] = job.ServiceDiscoveryConfigs
	}
	if err := s.discovery.ApplyConfig(discoveries); err != nil {
		return fmt.Errorf("applying service discovery: %w", err)
	}
	return nil
}

// Start begins to discover and to scrape.
func (s *Scraper) Start() {
	s.running.Go(func() {
		if err := s.discovery.Run(); err != nil && !errors.Is(err, context.Canceled) {
			s.logger.Error("service discovery ended", "err", err)
		}
	})
	s.running.Go(func() {
		if err := s.Run(s.discovery.SyncCh()); err != nil {
			s.logger.Error("scraping ended", "err", err)
		}
	})
}

// Stop ends discovery and scraping, and returns once nothing is appended any
// more. Scrapes that do not end soon are cut off, and count as failed.
func (s *Scraper) Stop() error {
	s.cancel()
	cut := time.AfterFunc(scrapesEnd, s.conns.cutAll)
	defer cut.Stop()
	s.Manager.Stop()
	s.running.Wait()
	s.sdMetrics.RefreshManager.Unregister()
	return s.inProcess.close()
}
