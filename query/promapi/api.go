package promapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/grafana/regexp"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	webapi "github.com/prometheus/prometheus/web/api/v1"

	"github.com/tidemark/tidemark/query/promapi/columns"
)

// The bounds of remote read. Prometheus' own defaults.
const (
	remoteReadSamples     = 50_000_000
	remoteReadConcurrency = 10
	remoteReadFrame       = 1 << 20
)

// maxSearch bounds what the search endpoints return.
const maxSearch = 10_000

// Targets is what the API asks of the scraper.
type Targets interface {
	webapi.TargetRetriever
	webapi.ScrapePoolsRetriever
}

// Options are the parts that the API is served from.
type Options struct {
	Engine    promql.QueryEngine
	Queryable storage.SampleAndChunkQueryable
	// Appendable takes what is pushed by remote write and OTLP.
	Appendable storage.AppendableV2
	Exemplars  storage.ExemplarQueryable
	Targets    Targets
	// Metadata describes the series that no target exposes.
	Metadata []scrape.MetricMetadata
	Store    webapi.TSDBAdminStats
	// StoreDir is where snapshots go, below its folder snapshots.
	StoreDir string
	// Admin switches the endpoints on that delete samples and take snapshots.
	Admin bool

	Config      func() config.Config
	Flags       map[string]string
	Listen      string
	ExternalURL *url.URL
	// CORSOrigin matches the origins whose pages may read; nil for none.
	CORSOrigin   *regexp.Regexp
	QueryTimeout time.Duration
	Runtime      func() (webapi.RuntimeInfo, error)
	Version      webapi.PrometheusVersion

	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
}

// New returns the handler of /api/v1/*, with that prefix stripped.
func New(o Options) http.Handler {
	if o.CORSOrigin == nil {
		o.CORSOrigin = regexp.MustCompile(`^$`) // matches no origin; the API cannot do without
	}
	registry := features.NewRegistry()
	registry.Enable(features.API, "label_values_match")
	registry.Enable(features.API, "query_warnings")
	registry.Enable(features.API, "query_stats")
	registry.Enable(features.API, "time_range_series")
	registry.Enable(features.API, "time_range_labels")
	registry.Enable(features.API, "remote_write_receiver")
	registry.Enable(features.API, "otlp_write_receiver")
	registry.Set(features.API, "admin", o.Admin)

	targets := newDescribed(o.Targets, o.Metadata)
	news := notifications.NewNotifications(16, o.Registerer)
	api := webapi.NewAPI(
		o.Engine,
		o.Queryable,
		o.Appendable,
		o.Exemplars,
		func(context.Context) webapi.ScrapePoolsRetriever { return o.Targets },
		targets.forRequest,
		func(context.Context) webapi.AlertmanagerRetriever { return nothing{} },
		o.Config,
		o.Flags,
		webapi.GlobalURLOptions{ListenAddress: o.Listen, Host: o.ExternalURL.Host, Scheme: o.ExternalURL.Scheme},
		func(next http.HandlerFunc) http.HandlerFunc { return next }, // the server is ready before this is mounted
		o.Store,
		o.StoreDir,
		o.Admin,
		true, maxSearch,
		o.Logger.With("component", "api"),
		func(context.Context) webapi.RulesRetriever { return nothing{} },
		remoteReadSamples, remoteReadConcurrency, remoteReadFrame,
		false,
		o.CORSOrigin,
		o.Runtime,
		&o.Version,
		news.Get,
		news.Sub,
		o.Gatherer,
		o.Registerer,
		nil,
		true, remoteapi.MessageTypes{remoteapi.WriteV1MessageType, remoteapi.WriteV2MessageType},
		true, false, false,
		Lookback,
		false,
		false,
		nil,
		registry,
		webapi.OpenAPIOptions{ExternalURL: o.ExternalURL.String(), Version: o.Version.Version, MaxSearchLimit: maxSearch},
		parser.NewParser(parser.Options{}),
		false,
		o.QueryTimeout,
	)
	api.InstallCodec(columns.Codec{})
	router := route.New()
	api.Register(router)
	return negotiate(targets.mark(router))
}

// nothing answers for the rules and the Alertmanagers: there are none.
type nothing struct{}

// RuleGroups implements webapi.RulesRetriever.
func (nothing) RuleGroups() []*rules.Group { return nil }

// AlertingRules implements webapi.RulesRetriever.
func (nothing) AlertingRules() []*rules.AlertingRule { return nil }

// Alertmanagers implements webapi.AlertmanagerRetriever.
func (nothing) Alertmanagers() []*url.URL { return nil }

// DroppedAlertmanagers implements webapi.AlertmanagerRetriever.
func (nothing) DroppedAlertmanagers() []*url.URL { return nil }
