package metrics

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"golang.org/x/sync/errgroup"
)

// Server is what answers PromQL.
type Server interface {
	// PostForm asks endpoint, a path such as /api/v1/query behind the server's
	// URL, for one of the media types that accept lists. The caller reads the
	// answer to a success, which is of the type contentType, and closes it; an
	// error says whose fault it is, as backend.DownstreamError does.
	PostForm(ctx context.Context, endpoint string, form url.Values, accept string) (answer io.ReadCloser, contentType string, err error)
}

// The endpoints that are asked.
const (
	rangeEndpoint    = "/api/v1/query_range"
	instantEndpoint  = "/api/v1/query"
	exemplarEndpoint = "/api/v1/query_exemplars"
)

// DefaultConcurrency is how many requests are on their way at the same time.
const DefaultConcurrency = 10

// Options bound what a query costs.
type Options struct {
	// ScrapeInterval is the floor of $__interval and the base of
	// $__rate_interval.
	ScrapeInterval time.Duration
	// QueryTimeout is how long the server may work on one query.
	QueryTimeout time.Duration
	// MaxPoints is how many samples one result may hold.
	MaxPoints int
	// Concurrency is how many requests are on their way at the same time; 0 is
	// DefaultConcurrency.
	Concurrency int
}

// Occasion says who asks.
type Occasion struct {
	// ByRule says that an alert rule or a server-side expression asks: nobody
	// sees a notice then, so that a result which is too large is an error, and
	// series are always series.
	ByRule bool
	// Tables is how many queries of the request ask for a table; the columns of
	// values are told apart if there are several.
	Tables int
}

// Querier asks one server. It is safe for use by several goroutines.
type Querier struct {
	server Server
	opts   Options
	slots  chan struct{}
}

// New returns a Querier of server.
func New(server Server, opts Options) *Querier {
	if opts.Concurrency <= 0 {
		opts.Concurrency = DefaultConcurrency
	}
	return &Querier{server: server, opts: opts, slots: make(chan struct{}, opts.Concurrency)}
}

// Query answers one query.
func (q *Querier) Query(ctx context.Context, dq backend.DataQuery, occasion Occasion) backend.DataResponse {
	parsed, err := parseQuery(dq)
	if err != nil {
		return badRequest(err)
	}
	if parsed.Expr == "" {
		return backend.DataResponse{Status: backend.StatusOK}
	}
	t, err := newTiming(parsed, q.opts.ScrapeInterval)
	if err != nil {
		return badRequest(err)
	}
	frames, err := q.answer(ctx, newRequest(parsed, t, occasion))
	if err != nil {
		return backend.ErrorResponseWithErrorSource(err)
	}
	for _, f := range frames {
		f.RefID = dq.RefID
	}
	return backend.DataResponse{Status: backend.StatusOK, Frames: frames}
}

// badRequest is the answer to a query that a person wrote wrong.
func badRequest(err error) backend.DataResponse {
	return backend.DataResponse{Status: backend.StatusBadRequest, Error: err, ErrorSource: backend.ErrorSourceDownstream}
}

// answer asks for all that r wants, at once, and returns the frames in a fixed
// order: range, instant, exemplars.
func (q *Querier) answer(ctx context.Context, r request) (data.Frames, error) {
	asking, ctx := errgroup.WithContext(ctx)
	var overTime, atOnce, exemplars data.Frames
	ask := func(into *data.Frames, f func(context.Context, request) (data.Frames, error)) {
		asking.Go(func() (err error) {
			*into, err = f(ctx, r)
			return err
		})
	}
	if r.Range {
		ask(&overTime, q.overTime)
	}
	if r.Instant {
		ask(&atOnce, q.atOnce)
	}
	if r.Exemplar && r.Range && !r.ByRule {
		ask(&exemplars, q.exemplars)
	}
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	return append(append(overTime, atOnce...), exemplars...), nil
}

// overTime asks for the values at each step of the time range.
func (q *Querier) overTime(ctx context.Context, r request) (data.Frames, error) {
	form := url.Values{
		"query": {r.Expr},
		"start": {seconds(r.start)},
		"end":   {seconds(r.end)},
		"step":  {strconv.FormatFloat(r.step.Seconds(), 'f', -1, 64)},
	}
	return q.samples(ctx, rangeEndpoint, form, r, r.shaperOverTime())
}

// atOnce asks for the values at the end of the time range.
func (q *Querier) atOnce(ctx context.Context, r request) (data.Frames, error) {
	form := url.Values{"query": {r.Expr}, "time": {seconds(r.to)}}
	return q.samples(ctx, instantEndpoint, form, r, r.shaperAtOnce())
}

// samples asks endpoint, and gives what it answers to shape.
func (q *Querier) samples(ctx context.Context, endpoint string, form url.Values, r request, shape shaper) (data.Frames, error) {
	form.Set("timeout", strconv.FormatFloat(q.opts.QueryTimeout.Seconds(), 'f', -1, 64)+"s")
	done, err := q.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	body, contentType, err := q.server.PostForm(ctx, endpoint, form, acceptAnswers)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	a := newAnswer(q.opts.MaxPoints, shape, r)
	if err := a.read(body, contentType); err != nil {
		return nil, err
	}
	return a.frames(), nil
}

// enter waits until there is room for another request. Whoever entered calls
// what it returns when the answer is read.
func (q *Querier) enter(ctx context.Context) (done func(), err error) {
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots }, nil
	case <-ctx.Done():
		return nil, backend.DownstreamError(ctx.Err())
	}
}

// seconds returns t in Unix seconds, to the millisecond.
func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}
