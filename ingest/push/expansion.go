package push

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxExpansion bounds the label text that a remote write 2.0 request stands
// for, in bytes: of each series its labels, once for each of its samples, since
// that is what refusing them one by one would write into the answer. The
// largest requests of honest senders stay below a tenth of it.
const maxExpansion = 256 << 20

// The field numbers of io.prometheus.write.v2.Request and its TimeSeries.
const (
	requestSymbols    protowire.Number = 4
	requestTimeSeries protowire.Number = 5
	seriesLabelsRefs  protowire.Number = 1
	seriesSamples     protowire.Number = 2
	seriesHistograms  protowire.Number = 3
)

// errMalformed is a body that is no protobuf message.
var errMalformed = errors.New("malformed protobuf: does the Content-Type say what the body is?")

// expansion returns how many bytes of label text a remote write 2.0 request
// stands for. Its series name their labels by number in a table of strings, so
// that a small request can stand for more text than there is memory. It stops
// counting once past maxExpansion.
func expansion(request []byte) (total int, err error) {
	symbols, err := symbolLengths(request)
	if err != nil {
		return 0, err
	}
	err = fields(request, func(number protowire.Number, value []byte) error {
		if number != requestTimeSeries || total > maxExpansion {
			return nil
		}
		text, samples, err := measureSeries(value, symbols)
		total += text * max(1, samples)
		return err
	})
	return total, err
}

// symbolLengths returns the length of each string in the request's table.
func symbolLengths(request []byte) (lengths []int, err error) {
	err = fields(request, func(number protowire.Number, value []byte) error {
		if number == requestSymbols {
			lengths = append(lengths, len(value))
		}
		return nil
	})
	return lengths, err
}

// measureSeries returns how long the text of a series' labels is, and how many
// samples and histograms it has. References to strings that are not there count
// nothing: the receiver refuses them. Neither result is above maxExpansion, by
// far enough that their product does not overflow.
func measureSeries(series []byte, symbols []int) (text, samples int, err error) {
	refer := func(ref uint64) {
		if ref < uint64(len(symbols)) {
			text = min(text+symbols[ref], maxExpansion+1)
		}
	}
	for len(series) > 0 {
		number, kind, n := protowire.ConsumeTag(series)
		if n < 0 {
			return 0, 0, errMalformed
		}
		series = series[n:]
		switch {
		case number == seriesLabelsRefs && kind == protowire.BytesType:
			packed, n := protowire.ConsumeBytes(series)
			if n < 0 {
				return 0, 0, errMalformed
			}
			series = series[n:]
			for len(packed) > 0 {
				ref, n := protowire.ConsumeVarint(packed)
				if n < 0 {
					return 0, 0, errMalformed
				}
				packed = packed[n:]
				refer(ref)
			}
			continue
		case number == seriesLabelsRefs && kind == protowire.VarintType:
			ref, n := protowire.ConsumeVarint(series)
			if n < 0 {
				return 0, 0, errMalformed
			}
			series = series[n:]
			refer(ref)
			continue
		case number == seriesSamples, number == seriesHistograms:
			samples++
		}
		if n = protowire.ConsumeFieldValue(number, kind, series); n < 0 {
			return 0, 0, errMalformed
		}
		series = series[n:]
	}
	return text, samples, nil
}

// fields calls visit with each length-delimited field of message.
func fields(message []byte, visit func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errMalformed
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return errMalformed
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[:n])
			if err := visit(number, value); err != nil {
				return err
			}
		}
		message = message[n:]
	}
	return nil
}
