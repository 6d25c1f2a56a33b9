package columns

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	webapi "github.com/prometheus/prometheus/web/api/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// MediaType is by what a client asks for the format.
const MediaType = mainType + "/" + subType

const (
	mainType = "application"
	subType  = "vnd.tidemark.columns+protobuf"
)

// The numbers of columns.proto.
const (
	answerResultType  = protowire.Number(1)
	answerSeriesCount = protowire.Number(2)
	answerWarnings    = protowire.Number(3)
	answerInfos       = protowire.Number(4)
	answerSeries      = protowire.Number(5)

	seriesLabels = protowire.Number(1)
	seriesValues = protowire.Number(2)
	seriesTimes  = protowire.Number(3)

	typeMatrix = 1
	typeVector = 2
)

// Codec writes answers in columns.
type Codec struct{}

var _ webapi.Codec = Codec{}

// ContentType implements webapi.Codec.
func (Codec) ContentType() webapi.MIMEType {
	return webapi.MIMEType{Type: mainType, SubType: subType}
}

// CanEncode implements webapi.Codec: only plain numbers fit.
func (Codec) CanEncode(resp *webapi.Response) bool {
	data, ok := resp.Data.(*webapi.QueryData)
	if !ok || resp.Status != "success" || data.Stats != nil || data.Cost != nil {
		return false
	}
	switch result := data.Result.(type) {
	case promql.Matrix:
		for i := range result {
			if len(result[i].Histograms) > 0 {
				return false
			}
		}
		return true
	case promql.Vector:
		for i := range result {
			if result[i].H != nil {
				return false
			}
		}
		return true
	}
	return false
}

// Encode implements webapi.Codec.
func (Codec) Encode(resp *webapi.Response) ([]byte, error) {
	data, ok := resp.Data.(*webapi.QueryData)
	if !ok {
		return nil, errors.New("the answer is no query's")
	}
	switch result := data.Result.(type) {
	case promql.Matrix:
		return encodeMatrix(resp, result), nil
	case promql.Vector:
		return encodeVector(resp, result), nil
	}
	return nil, errors.New("the result is no series")
}

func encodeMatrix(resp *webapi.Response, matrix promql.Matrix) []byte {
	size := 0
	for i := range matrix {
		size += roomOf(matrix[i].Metric, len(matrix[i].Floats))
	}
	w := newWriter(resp, typeMatrix, len(matrix), size)
	for i := range matrix {
		w.series(matrix[i].Metric, matrix[i].Floats)
	}
	return w.out
}

func encodeVector(resp *webapi.Response, vector promql.Vector) []byte {
	size := 0
	for i := range vector {
		size += roomOf(vector[i].Metric, 1)
	}
	w := newWriter(resp, typeVector, len(vector), size)
	var point [1]promql.FPoint
	for i := range vector {
		point[0] = promql.FPoint{T: vector[i].T, F: vector[i].F}
		w.series(vector[i].Metric, point[:])
	}
	return w.out
}

// roomForFraming is more than what a series takes beside its labels and values,
// if it has a sample at each step.
const roomForFraming = 64

// roomOf is what a series takes, and some bytes more. One with many gaps in it
// may take more.
func roomOf(metric labels.Labels, samples int) int {
	size := roomForFraming + 8*samples
	metric.Range(func(l labels.Label) { size += stringSize(l.Name) + stringSize(l.Value) })
	return size
}

// stringSize is what a text takes with its tag and length.
func stringSize(s string) int { return 1 + protowire.SizeBytes(len(s)) }

// writer writes one answer.
type writer struct {
	out   []byte
	times []byte // of the series that is written, packed
}

// newWriter returns a writer that has written what stands before the series,
// and has room for size bytes of them.
func newWriter(resp *webapi.Response, resultType uint64, series, size int) *writer {
	for _, text := range resp.Warnings {
		size += stringSize(text)
	}
	for _, text := range resp.Infos {
		size += stringSize(text)
	}
	b := make([]byte, 0, size+roomForFraming)
	b = protowire.AppendTag(b, answerResultType, protowire.VarintType)
	b = protowire.AppendVarint(b, resultType)
	b = protowire.AppendTag(b, answerSeriesCount, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(series))
	b = appendStrings(b, answerWarnings, resp.Warnings)
	b = appendStrings(b, answerInfos, resp.Infos)
	return &writer{out: b, times: make([]byte, 0, roomForFraming)}
}

func appendStrings(b []byte, number protowire.Number, texts []string) []byte {
	for _, text := range texts {
		b = appendString(b, number, text)
	}
	return b
}

func appendString(b []byte, number protowire.Number, text string) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendString(b, text)
}

func (w *writer) series(metric labels.Labels, points []promql.FPoint) {
	w.times = appendTimes(w.times[:0], points)
	size := 0
	metric.Range(func(l labels.Label) { size += stringSize(l.Name) + stringSize(l.Value) })
	if len(points) > 0 {
		size += 1 + protowire.SizeBytes(8*len(points)) + 1 + protowire.SizeBytes(len(w.times))
	}
	w.out = protowire.AppendTag(w.out, answerSeries, protowire.BytesType)
	w.out = protowire.AppendVarint(w.out, uint64(size))
	metric.Range(func(l labels.Label) {
		w.out = appendString(w.out, seriesLabels, l.Name)
		w.out = appendString(w.out, seriesLabels, l.Value)
	})
	if len(points) == 0 {
		return
	}
	w.out = protowire.AppendTag(w.out, seriesValues, protowire.BytesType)
	w.out = protowire.AppendVarint(w.out, uint64(8*len(points)))
	w.out = appendValues(w.out, points)
	w.out = protowire.AppendTag(w.out, seriesTimes, protowire.BytesType)
	w.out = protowire.AppendBytes(w.out, w.times)
}

func appendValues(b []byte, points []promql.FPoint) []byte {
	from := len(b)
	b = slices.Grow(b, 8*len(points))[:from+8*len(points)]
	to := b[from:]
	for i := range points {
		binary.LittleEndian.PutUint64(to[8*i:], math.Float64bits(points[i].F))
	}
	return b
}

// appendTimes appends the times of points as pairs of a delta and how often it
// comes. Deltas that overflow wrap, and wrap back where they are added up.
func appendTimes(b []byte, points []promql.FPoint) []byte {
	var last, delta, count int64
	for i := range points {
		d := points[i].T - last
		last = points[i].T
		if d == delta && count > 0 {
			count++
			continue
		}
		b = appendRun(b, delta, count)
		delta, count = d, 1
	}
	return appendRun(b, delta, count)
}

func appendRun(b []byte, delta, count int64) []byte {
	if count == 0 {
		return b
	}
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(delta))
	return protowire.AppendVarint(b, protowire.EncodeZigZag(count))
}
