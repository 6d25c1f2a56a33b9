package push

import (
	"context"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// Appendable refuses what is past its limits, and passes on the rest.
type Appendable struct {
	next    storage.AppendableV2
	limits  atomic.Pointer[Limits]
	metrics *metrics.Set
}

var _ storage.AppendableV2 = (*Appendable)(nil)

// Limit returns an Appendable before next. Each of its appenders is one
// request. A series or sample past a limit is refused with an error that is
// storage.ErrOutOfBounds to Prometheus' receivers: with remote write 2.0 only
// that series is refused and the rest is kept, with remote write 1.0 and OTLP,
// which know no partial writes, the request as a whole. Either is answered
// with 400. What was refused is counted in set.
func Limit(next storage.AppendableV2, limits Limits, set *metrics.Set) *Appendable {
	a := &Appendable{next: next, metrics: set}
	a.Apply(limits)
	return a
}

// Apply makes limits count for the appenders that are yet to come.
func (a *Appendable) Apply(limits Limits) { a.limits.Store(&limits) }

// AppenderV2 implements storage.AppendableV2.
func (a *Appendable) AppenderV2(ctx context.Context) storage.AppenderV2 {
	bounded := appender{AppenderV2: a.next.AppenderV2(ctx), limits: *a.limits.Load(), metrics: a.metrics}
	if exemplars, ok := bounded.AppenderV2.(storage.ExemplarAppenderV2); ok {
		return &exemplarAppender{appender: bounded, exemplars: exemplars}
	}
	return &bounded
}

// appender is one request's.
type appender struct {
	storage.AppenderV2
	limits  Limits
	metrics *metrics.Set
	samples int
}

// Append implements storage.AppenderV2.
func (a *appender) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, opts storage.AOptions) (storage.SeriesRef, error) {
	if err := a.admit(ref, ls); err != nil {
		refusal(a.metrics, err.reason).Inc()
		return 0, err
	}
	return a.AppenderV2.Append(ref, ls, st, t, v, h, fh, opts)
}

// admit returns why a sample of ls must not be appended, or nil. A ref that is
// not 0 came from an append that was let through, so its labels are good.
func (a *appender) admit(ref storage.SeriesRef, ls labels.Labels) *refused {
	if a.samples++; a.samples > a.limits.MaxSamples {
		return &refused{reasonSamples, "max_samples_per_request", "samples in the request", a.samples, a.limits.MaxSamples}
	}
	if ref != 0 {
		return nil
	}
	return a.limits.checkLabels(ls)
}

// checkLabels returns why a series with the labels ls must be refused, or nil.
func (l Limits) checkLabels(ls labels.Labels) (found *refused) {
	count := 0
	ls.Range(func(label labels.Label) {
		count++
		switch {
		case found != nil:
		case len(label.Name) > l.MaxLabelName:
			found = &refused{reasonLabelName, "max_label_name_length", "bytes in the name of the label " + short(label.Name), len(label.Name), l.MaxLabelName}
		case len(label.Value) > l.MaxLabelValue:
			found = &refused{reasonLabelValue, "max_label_value_length", "bytes in the value of the label " + short(label.Name), len(label.Value), l.MaxLabelValue}
		}
	})
	if count > l.MaxLabels {
		return &refused{reasonLabels, "max_labels", "labels of a series", count, l.MaxLabels}
	}
	return found
}

// short is the beginning of a name that a hostile sender may have made long.
func short(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return name[:most] + "…"
}

// exemplarAppender is an appender whose store takes exemplars apart from
// samples, as the remote write receiver sends them.
type exemplarAppender struct {
	appender
	exemplars storage.ExemplarAppenderV2
}

var _ storage.ExemplarAppenderV2 = (*exemplarAppender)(nil)

// AppendExemplars implements storage.ExemplarAppenderV2. A series that was
// refused is unknown to the store, and so are its exemplars.
func (a *exemplarAppender) AppendExemplars(ref storage.SeriesRef, ls labels.Labels, exemplars []exemplar.Exemplar) (storage.SeriesRef, error) {
	return a.exemplars.AppendExemplars(ref, ls, exemplars)
}

// refusal is the counter of what was refused for the reason given.
func refusal(set *metrics.Set, reason string) *metrics.Counter {
	return set.GetOrCreateCounter(`tidemark_push_refused_total{reason="` + reason + `"}`)
}
