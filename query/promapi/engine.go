package promapi

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/logging"
)

// Lookback is how long a sample stands for its series, where neither a staler
// one nor a marker of its end came after it.
const Lookback = 5 * time.Minute

// EngineOptions bound what queries may cost.
type EngineOptions struct {
	// Timeout ends a query that runs for longer.
	Timeout time.Duration
	// MaxSamples ends a query that would hold more samples in memory at once.
	MaxSamples int
	// MaxConcurrency is how many queries run at once; others wait.
	MaxConcurrency int
	// Dir holds the file of the queries that run, by which those that a crash
	// cut off are found and logged at the next start.
	Dir string
	// SubqueryStep is the step in milliseconds of a subquery that names none.
	SubqueryStep func(rangeMillis int64) int64

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Engine is a PromQL engine with the log of its queries. Close it once no query
// runs any more.
type Engine struct{ *promql.Engine }

// NewEngine returns an engine within the bounds of opts.
func NewEngine(opts EngineOptions) (*Engine, error) {
	tracker, err := promql.NewActiveQueryTracker(opts.Dir, opts.MaxConcurrency, opts.Logger)
	if err != nil {
		return nil, fmt.Errorf("opening the log of running queries: %w", err)
	}
	engine := promql.NewEngine(promql.EngineOpts{
		Logger:                   opts.Logger.With("component", "query"),
		Reg:                      opts.Registerer,
		MaxSamples:               opts.MaxSamples,
		Timeout:                  opts.Timeout,
		ActiveQueryTracker:       tracker,
		LookbackDelta:            Lookback,
		NoStepSubqueryIntervalFn: opts.SubqueryStep,
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   NewParser(),
	})
	return &Engine{engine}, nil
}

// NewParser returns a parser of the PromQL that Tidemark understands.
func NewParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// Apply takes over the query log of a new configuration.
func (e *Engine) Apply(cfg *config.Config) error {
	if cfg.GlobalConfig.QueryLogFile == "" {
		e.SetQueryLogger(nil)
		return nil
	}
	log, err := logging.NewJSONFileLogger(cfg.GlobalConfig.QueryLogFile)
	if err != nil {
		return fmt.Errorf("opening global.query_log_file: %w", err)
	}
	e.SetQueryLogger(log)
	return nil
}
