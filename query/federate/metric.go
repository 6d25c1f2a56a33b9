package federate

import (
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
)

func isProtobuf(f expfmt.Format) bool {
	switch f.FormatType() {
	case expfmt.TypeProtoDelim, expfmt.TypeProtoText, expfmt.TypeProtoCompact:
		return true
	default:
		return false
	}
}

// familyType is the exposition type of a sample. The type that a float series
// was scraped with is not stored, so it is untyped.
func familyType(s sample) dto.MetricType {
	switch {
	case s.histogram == nil:
		return dto.MetricType_UNTYPED
	case s.histogram.CounterResetHint == histogram.GaugeType:
		return dto.MetricType_GAUGE_HISTOGRAM
	default:
		return dto.MetricType_HISTOGRAM
	}
}

// metric returns s with its labels, the external ones that it lacks, and an
// instance label, empty where it has none, so that the scraping server does not
// put its own there.
func metric(s sample, external labels.Labels) *dto.Metric {
	b := labels.NewBuilder(s.labels).Del(model.MetricNameLabel)
	external.Range(func(l labels.Label) {
		if !s.labels.Has(l.Name) {
			b.Set(l.Name, l.Value)
		}
	})
	all := b.Labels()
	m := &dto.Metric{TimestampMs: &s.time}
	all.Range(func(l labels.Label) {
		m.Label = append(m.Label, &dto.LabelPair{Name: &l.Name, Value: &l.Value})
	})
	if !all.Has(model.InstanceLabel) {
		m.Label = append(m.Label, &dto.LabelPair{Name: new(string(model.InstanceLabel)), Value: new("")})
	}
	switch {
	case s.histogram == nil:
		m.Untyped = &dto.Untyped{Value: &s.value}
	case s.histogram.UsesCustomBuckets():
		m.Histogram = classic(s.histogram)
	default:
		m.Histogram = native(s.histogram)
	}
	return m
}

// native returns h as an exponential histogram of the protobuf format.
func native(h *histogram.FloatHistogram) *dto.Histogram {
	out := &dto.Histogram{
		SampleCountFloat: &h.Count,
		SampleSum:        &h.Sum,
		Schema:           &h.Schema,
		ZeroThreshold:    &h.ZeroThreshold,
		ZeroCountFloat:   &h.ZeroCount,
		PositiveSpan:     spans(h.PositiveSpans),
		PositiveCount:    h.PositiveBuckets,
		NegativeSpan:     spans(h.NegativeSpans),
		NegativeCount:    h.NegativeBuckets,
	}
	if len(out.PositiveSpan) == 0 && len(out.NegativeSpan) == 0 && h.ZeroThreshold == 0 && h.ZeroCount == 0 {
		// Without any span the histogram would read as a classic one.
		out.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
	}
	return out
}

func spans(in []histogram.Span) []*dto.BucketSpan {
	out := make([]*dto.BucketSpan, len(in))
	for i := range in {
		out[i] = &dto.BucketSpan{Offset: &in[i].Offset, Length: &in[i].Length}
	}
	return out
}

// classic returns h, whose buckets have bounds of their own, as a classic
// histogram with cumulative buckets.
func classic(h *histogram.FloatHistogram) *dto.Histogram {
	out := &dto.Histogram{SampleCountFloat: &h.Count, SampleSum: &h.Sum}
	it, cumulative := h.PositiveBucketIterator(), 0.0
	more := it.Next()
	for _, bound := range h.CustomValues { // the last bucket has no bound: the count says it
		for ; more && it.At().Upper <= bound; more = it.Next() {
			cumulative += it.At().Count
		}
		out.Bucket = append(out.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCountFloat: new(cumulative)})
	}
	return out
}
