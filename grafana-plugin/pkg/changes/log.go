package changes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// Server is the Tidemark server, as far as changes need it.
type Server interface {
	// Get asks endpoint, a path such as /api/v1/changes behind the server's
	// URL, and decodes its JSON answer into out. An error says whose fault it
	// is, as backend.DownstreamError does.
	Get(ctx context.Context, endpoint string, query url.Values, out any) error
	// Post is Get with a form, which is as long as it has to be: a variable may
	// have thousands of values.
	Post(ctx context.Context, endpoint string, form url.Values, out any) error
	// Stream opens an endpoint that answers with server-sent events, resuming
	// behind lastEventID where that is not empty. The caller closes the answer;
	// it ends with ctx.
	Stream(ctx context.Context, endpoint string, query url.Values, lastEventID string) (io.ReadCloser, error)
}

// The endpoints that are asked.
const (
	listEndpoint   = "/api/v1/changes/list"
	marksEndpoint  = "/api/v1/changes/marks"
	lastEndpoint   = "/api/v1/changes/last"
	streamEndpoint = "/api/v1/changes/stream"
	queryEndpoint  = "/api/v1/query"
)

// Options say what is drawn, and how it is linked.
type Options struct {
	// PublicURL is where people's browsers reach the server; empty draws no
	// links to it.
	PublicURL string
	Overlay   Overlay
	// ServiceLabels and EnvironmentLabels are the labels of a series that name
	// its service and its environment.
	ServiceLabels, EnvironmentLabels []string
	// PerUser keeps each user's answers apart, for a server that is asked in
	// the name of the user.
	PerUser bool
	// Timeout bounds a request that several panels wait for; 0 is 30 s.
	Timeout time.Duration
	// Logger is told of streams that end; nil is the SDK's own.
	Logger log.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Overlay says which changes are drawn on the panels that show metrics. Empty
// lists select all.
type Overlay struct {
	Enabled bool
	// Follow draws on a panel only the changes of the services and environments
	// that its expressions select, and what is global.
	Follow       bool
	Kinds        []string
	Services     []string
	Environments []string
}

// Log is the change log of one server, as Grafana sees it. It is safe for use
// by several goroutines.
type Log struct {
	server  Server
	opts    Options
	cache   *cache
	follow  follower
	link    linker
	logger  log.Logger
	now     func() time.Time
	backoff backoff
	idle    time.Duration
}

var (
	_ backend.SubscribeStreamHandler = (*Log)(nil)
	_ backend.RunStreamHandler       = (*Log)(nil)
)

// New returns the change log of server.
func New(server Server, opts Options) *Log {
	if opts.Timeout <= 0 {
		opts.Timeout = 30 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = backend.Logger
	}
	return &Log{
		server:  server,
		opts:    opts,
		cache:   newCache(opts.Timeout, opts.Now),
		follow:  newFollower(parser.NewParser(parserOptions()), opts.ServiceLabels, opts.EnvironmentLabels),
		link:    linker{base: strings.TrimRight(opts.PublicURL, "/")},
		logger:  opts.Logger,
		now:     opts.Now,
		backoff: defaultBackoff(),
		idle:    idleTimeout,
	}
}

// errNoQuery says that a query cannot be read or asks for nothing known.
var errNoQuery = errors.New("is no query of the change log")

// Query answers one query of the types overlay, changes, last, flags and
// timeline.
func (l *Log) Query(ctx context.Context, dq backend.DataQuery) backend.DataResponse {
	q, err := parseQuery(dq)
	if err != nil {
		return badRequest(err)
	}
	frames, err := l.answer(ctx, q)
	switch {
	case errors.Is(err, errNoQuery):
		return badRequest(err)
	case err != nil:
		response := backend.ErrorResponseWithErrorSource(err)
		response.Status = statusOf(err)
		return response
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

// statusOf is the server's status where it refused what was asked, and
// otherwise that of a failure.
func statusOf(err error) backend.Status {
	if status := tidemark.StatusOf(err); status >= 400 && status < 500 {
		return backend.Status(status)
	}
	return backend.StatusInternal
}

// get asks the server, and decodes its answer as a T.
func get[T any](ctx context.Context, s Server, endpoint string, query url.Values) (T, error) {
	var out T
	err := s.Get(ctx, endpoint, query, &out)
	return out, err
}

// post asks the server with a form, and decodes its answer as a T.
func post[T any](ctx context.Context, s Server, endpoint string, form url.Values) (T, error) {
	var out T
	err := s.Post(ctx, endpoint, form, &out)
	return out, err
}

// parseQuery reads a query as the front end wrote it.
func parseQuery(dq backend.DataQuery) (query, error) {
	q := query{QueryType: dq.QueryType}
	if err := json.Unmarshal(dq.JSON, &q); err != nil {
		return q, fmt.Errorf("query %s %w: %w", dq.RefID, errNoQuery, err)
	}
	if !dq.TimeRange.From.Before(dq.TimeRange.To) {
		return q, fmt.Errorf("query %s %w: its time range ends (%s) before it begins (%s)", dq.RefID, errNoQuery,
			dq.TimeRange.To.UTC().Format(time.RFC3339), dq.TimeRange.From.UTC().Format(time.RFC3339))
	}
	q.span = span{dq.TimeRange.From, dq.TimeRange.To}
	q.width = dq.MaxDataPoints
	q.Limit = clampLimit(q.Limit)
	return q, nil
}
