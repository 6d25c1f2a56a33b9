package federate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// DefaultMaxSeries bounds one answer, where Options do not.
const DefaultMaxSeries = 1_000_000

// Options are what the handler reads from.
type Options struct {
	Queryable storage.Queryable
	// ExternalLabels are attached to each series that does not have them.
	ExternalLabels func() labels.Labels
	// Lookback is how old a newest sample may be.
	Lookback time.Duration
	Parser   parser.Parser
	// MaxSeries bounds one answer; past it the request fails. 0 for the default.
	MaxSeries int
	Logger    *slog.Logger
	// Now is the clock; nil for the real one.
	Now func() time.Time
}

// New returns the handler. It takes one or more match[] selectors, and answers
// 400 where one is missing or wrong and 422 where they select too much.
func New(opts Options) http.Handler {
	if opts.MaxSeries == 0 {
		opts.MaxSeries = DefaultMaxSeries
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &handler{opts}
}

type handler struct{ Options }

var errTooMany = errors.New("too many series")

// negotiate returns the format that the client likes best. Text comes first, so
// that it is what a client gets that takes anything. OpenMetrics is not offered:
// it demands types and units that stored samples no longer have.
func negotiate(h http.Header) expfmt.Format {
	return expfmt.NegotiateAccept(h,
		expfmt.NewFormat(expfmt.TypeTextPlain),
		expfmt.NewFormat(expfmt.TypeProtoDelim),
		expfmt.NewFormat(expfmt.TypeProtoText),
		expfmt.NewFormat(expfmt.TypeProtoCompact),
	)
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the query string cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	if len(r.Form["match[]"]) == 0 {
		http.Error(w, `match[] is missing: say which series to hand on, such as match[]={job="web"}`, http.StatusBadRequest)
		return
	}
	selectors, err := h.Parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		http.Error(w, "match[]: "+err.Error(), http.StatusBadRequest)
		return
	}
	samples, err := h.newest(r.Context(), selectors)
	switch {
	case errors.Is(err, errTooMany):
		http.Error(w, fmt.Sprintf("match[] selects more than %d series; narrow it", h.MaxSeries), http.StatusUnprocessableEntity)
		return
	case err != nil:
		h.Logger.Warn("federation failed", "err", err)
		http.Error(w, "reading the series failed: "+err.Error(), http.StatusInternalServerError)
		return
	}
	format := negotiate(r.Header)
	w.Header().Set("Content-Type", string(format))
	if err := h.encode(w, format, samples); err != nil {
		h.Logger.Debug("federation was cut off", "err", err)
	}
}

// sample is the newest sample of a series.
type sample struct {
	labels    labels.Labels
	time      int64
	value     float64
	histogram *histogram.FloatHistogram
}

// newest returns the newest sample of each series that a selector matches, in
// the order of their names. Series that ended have none.
func (h *handler) newest(ctx context.Context, selectors [][]*labels.Matcher) ([]sample, error) {
	now := h.Now()
	from, to := now.Add(-h.Lookback).UnixMilli()+1, now.UnixMilli()
	querier, err := h.Queryable.Querier(from, to)
	if err != nil {
		return nil, err
	}
	defer querier.Close()
	sets := make([]storage.SeriesSet, len(selectors))
	for i, selector := range selectors {
		sets[i] = querier.Select(ctx, true, &storage.SelectHints{Start: from, End: to}, selector...)
	}
	var samples []sample
	var it chunkenc.Iterator
	for set := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge); ; {
		if !set.Next() {
			if err := set.Err(); err != nil {
				return nil, err
			}
			break
		}
		series := set.At()
		it = series.Iterator(it)
		s, ok := last(it, to)
		if err := it.Err(); err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if len(samples) == h.MaxSeries {
			return nil, errTooMany
		}
		s.labels = series.Labels()
		samples = append(samples, s)
	}
	slices.SortStableFunc(samples, func(a, b sample) int {
		return cmp.Compare(a.labels.Get(model.MetricNameLabel), b.labels.Get(model.MetricNameLabel))
	})
	return samples, nil
}

// last returns the newest sample of it up to the time given, and whether there
// is one that is no marker of the series' end.
func last(it chunkenc.Iterator, to int64) (s sample, ok bool) {
	for kind := it.Next(); kind != chunkenc.ValNone && it.AtT() <= to; kind = it.Next() {
		ok = true
		switch kind {
		case chunkenc.ValFloat:
			s.time, s.value = it.At()
			s.histogram = nil
		default:
			s.time, s.histogram = it.AtFloatHistogram(s.histogram)
			s.value = s.histogram.Sum
		}
	}
	return s, ok && !value.IsStaleNaN(s.value)
}

// encode writes samples in the format given, a family for each run of samples
// of one name and type.
func (h *handler) encode(w io.Writer, format expfmt.Format, samples []sample) error {
	external := h.ExternalLabels()
	enc := expfmt.NewEncoder(w, format)
	native := isProtobuf(format)
	var family *dto.MetricFamily
	flush := func() error {
		if family == nil {
			return nil
		}
		err := enc.Encode(family)
		family = nil
		return err
	}
	for _, s := range samples {
		name := s.labels.Get(model.MetricNameLabel)
		if name == "" || s.histogram != nil && !native && !s.histogram.UsesCustomBuckets() {
			continue // the text formats have no words for native histograms
		}
		kind := familyType(s)
		if family == nil || family.GetName() != name || family.GetType() != kind {
			if err := flush(); err != nil {
				return err
			}
			family = &dto.MetricFamily{Name: &name, Type: &kind}
		}
		family.Metric = append(family.Metric, metric(s, external))
	}
	if err := flush(); err != nil {
		return err
	}
	if closer, ok := enc.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}
