package changeseries

import (
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"
)

// The limits where Options set none.
const (
	DefaultMaxChanges = 10_000
	DefaultMaxGroups  = 10_000
	DefaultMaxStarts  = 2_000_000
	DefaultMaxSteps   = 25_000
)

// Options bound what one selector may cost. Past a limit a query fails with an
// annotate.TooMany error that says how to narrow it; what only lists series or
// labels is cut, with a warning.
type Options struct {
	// MaxChanges is how many series of tidemark_change it may select.
	MaxChanges int
	// MaxGroups is how many series of each of the other names it may select.
	MaxGroups int
	// MaxStarts is how many changes it may read to follow a counter or a
	// timestamp through a time range.
	MaxStarts int
	// MaxSteps is up to how many evaluation times the changes between them are
	// counted by the log. With more, up to MaxStarts changes are read instead.
	MaxSteps int

	// Now is the clock; nil for the real one.
	Now func() time.Time
	// Metrics is where the package counts what it does; nil for nowhere.
	Metrics *metrics.Set
}

func (o *Options) setDefaults() {
	for value, preset := range map[*int]int{
		&o.MaxChanges: DefaultMaxChanges,
		&o.MaxGroups:  DefaultMaxGroups,
		&o.MaxStarts:  DefaultMaxStarts,
		&o.MaxSteps:   DefaultMaxSteps,
	} {
		if *value <= 0 {
			*value = preset
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = metrics.NewSet()
	}
}

// Queryable answers from samples and from the change log at once. It is safe for
// use by many at the same time, and keeps nothing from one query to the next.
type Queryable struct {
	samples storage.SampleAndChunkQueryable
	log     Log
	opts    Options
	selects *metrics.Counter
}

var _ storage.SampleAndChunkQueryable = (*Queryable)(nil)

// New returns a Queryable that shows the changes in log beside samples.
func New(samples storage.SampleAndChunkQueryable, log Log, opts Options) *Queryable {
	opts.setDefaults()
	return &Queryable{
		samples: samples,
		log:     log,
		opts:    opts,
		selects: opts.Metrics.GetOrCreateCounter("tidemark_change_series_selects_total"),
	}
}

// Querier implements storage.Queryable.
func (q *Queryable) Querier(mint, maxt int64) (storage.Querier, error) {
	samples, err := q.samples.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return &querier{samples: samples, labelQuerier: labelQuerier{samples, reader{q, mint, maxt}}}, nil
}

// ChunkQuerier implements storage.ChunkQueryable.
func (q *Queryable) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	samples, err := q.samples.ChunkQuerier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return &chunkQuerier{samples: samples, labelQuerier: labelQuerier{samples, reader{q, mint, maxt}}}, nil
}
