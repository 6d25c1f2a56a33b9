package push

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/klauspost/compress/snappy"
	remote "github.com/prometheus/client_golang/exp/api/remote"
)

// Receiver bounds the requests that reach a receiver of samples: how long
// their bodies are, and how many are worked on at once. The memory that
// pushing can take is the product of the two.
type Receiver struct {
	next    http.Handler
	limits  atomic.Pointer[Limits]
	metrics *metrics.Set
	working atomic.Int64
}

var _ http.Handler = (*Receiver)(nil)

// Receive returns a Receiver before next. It answers 413 to a body that is too
// long, 503 with Retry-After when too many requests are being worked on, and
// counts both in set. Senders keep what a 503 answers and send it again.
func Receive(next http.Handler, limits Limits, set *metrics.Set) *Receiver {
	r := &Receiver{next: next, metrics: set}
	r.Apply(limits)
	return r
}

// Apply makes limits count for the requests that are yet to come.
func (r *Receiver) Apply(limits Limits) { r.limits.Store(&limits) }

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	limits := r.limits.Load()
	if req.ContentLength > limits.MaxBody {
		refusal(r.metrics, reasonBody).Inc()
		http.Error(w, fmt.Sprintf("the body has %d bytes, and the limit is %d (ingest.max_body_size): send smaller batches",
			req.ContentLength, limits.MaxBody), http.StatusRequestEntityTooLarge)
		return
	}
	defer r.working.Add(-1)
	if r.working.Add(1) > int64(limits.MaxConcurrent) {
		refusal(r.metrics, reasonConcurrent).Inc()
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("%d requests are being worked on, which is the limit (ingest.max_concurrent): try again",
			limits.MaxConcurrent), http.StatusServiceUnavailable)
		return
	}
	// A body without a length is cut off at the limit; the receiver then answers 400.
	req.Body = http.MaxBytesReader(w, req.Body, limits.MaxBody)
	if isRemoteWriteV2(req) && !r.admitExpansion(w, req) {
		return
	}
	r.next.ServeHTTP(w, req)
}

// isRemoteWriteV2 reports whether the receiver will read req as remote write 2.0.
func isRemoteWriteV2(req *http.Request) bool {
	message, err := remote.ParseProtoMsg(req.Header.Get("Content-Type"))
	return err == nil && message == remote.WriteV2MessageType
}

// maxDecoded is how long a request may be when decompressed. The receiver
// bounds it alike.
const maxDecoded = 32 << 20

// admitExpansion reads req's body, and reports whether what it stands for is
// within bounds; otherwise it has answered. It leaves req with its body unread.
// What cannot be decompressed it lets through, for the receiver to refuse.
func (r *Receiver) admitExpansion(w http.ResponseWriter, req *http.Request) bool {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, fmt.Sprintf("reading the body: %v", err), http.StatusBadRequest)
		return false
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	if size, err := snappy.DecodedLen(body); err != nil || size > maxDecoded {
		return true
	}
	decoded, err := snappy.Decode(nil, body)
	if err != nil {
		return true
	}
	total, err := expansion(decoded)
	switch {
	case err != nil:
		// Refused here, since the receiver's own decoder is the laxer one.
		http.Error(w, "decoding the remote write 2.0 request: "+err.Error(), http.StatusBadRequest)
		return false
	case total > maxExpansion:
		refusal(r.metrics, reasonExpansion).Inc()
		http.Error(w, fmt.Sprintf("the series of this request stand for more than %d bytes of labels: send smaller batches, or shorter labels",
			maxExpansion), http.StatusBadRequest)
		return false
	}
	return true
}
