package push

import (
	"fmt"

	"github.com/prometheus/prometheus/storage"
)

// Limits bound one request, and how many are worked on at once. Past a limit
// nothing is cut short: the series or the request is refused.
type Limits struct {
	// MaxSamples is how many samples and histograms a request may hold.
	MaxSamples int
	// MaxLabels is how many labels a series may have, its name included.
	MaxLabels int
	// MaxLabelName and MaxLabelValue are how long a label's name and value may
	// be, in bytes.
	MaxLabelName, MaxLabelValue int
	// MaxConcurrent is how many requests are worked on at once; others are told
	// to come back.
	MaxConcurrent int
	// MaxBody is how long a request's body may be, in bytes as they arrive. What
	// it holds when decompressed Prometheus' receivers bound to 32 MiB.
	MaxBody int64
}

// DefaultLimits are ten times what Prometheus sends at its defaults, and more.
func DefaultLimits() Limits {
	return Limits{
		MaxSamples:    500_000,
		MaxLabels:     200,
		MaxLabelName:  1024,
		MaxLabelValue: 16 << 10,
		MaxConcurrent: 64,
		MaxBody:       32 << 20,
	}
}

// The reasons for which something is refused, as the label reason of
// tidemark_push_refused_total names them.
const (
	reasonSamples    = "samples"
	reasonLabels     = "labels"
	reasonLabelName  = "label_name_length"
	reasonLabelValue = "label_value_length"
	reasonConcurrent = "concurrent"
	reasonBody       = "body_size"
	reasonExpansion  = "expansion"
)

// refused is a limit that was met. To Prometheus' receivers it is a sample out
// of bounds, which they answer with 400: the sender must not try again.
type refused struct {
	reason string
	// key is what to change in the configuration file to let it pass.
	key        string
	what       string
	got, limit int
}

// Error implements error.
func (e *refused) Error() string {
	return fmt.Sprintf("%s: %d, and the limit is %d (ingest.%s)", e.what, e.got, e.limit, e.key)
}

// Is implements what errors.Is asks for.
func (*refused) Is(target error) bool { return target == storage.ErrOutOfBounds }
