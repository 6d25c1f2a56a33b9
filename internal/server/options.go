package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate/flag/flagfile"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/server/ofrep"
)

// Options are what a server is made of. All parts must be there; the texts and
// Limits may be empty.
type Options struct {
	// ListenAddress is host:port; port 0 takes a free one.
	ListenAddress string
	// ExternalURL is how others reach the server; its path prefixes every
	// route. Nil for a server at the root of the address it listens on.
	ExternalURL *url.URL
	// WebConfigFile is Prometheus' web configuration file; empty for plain
	// HTTP without users.
	WebConfigFile string

	Changes Changes
	// Deploys carries deploys out; nil for a server that does not.
	Deploys Deploys
	// Hooks take what other tools send; nil for a server that does not.
	Hooks Hooks
	// Flags are the flags that are evaluated; nil for a server without any.
	Flags ofrep.Flags
	// FlagControl is what reads and changes flags; nil for a server without any.
	FlagControl FlagControl
	// FlagFiles says how it stands with the files that define flags.
	FlagFiles func() []flagfile.Status
	// EnvironmentNeeds is the role that acting on an environment takes, and with an
	// empty name on all of them; nil for auth.Operator in each.
	EnvironmentNeeds func(environment string) auth.Role
	// FlagEnvironment names the environment that is meant where none is named.
	FlagEnvironment func() string
	// FlagOrigins are the web sites whose pages may evaluate flags, such as
	// https://shop.example, and "*" for all; Server.AllowOrigins changes them.
	FlagOrigins []string
	// FlagContext is added to the context of each evaluation;
	// Server.EnrichContexts changes it.
	FlagContext map[string]any
	Authority   Authority
	// Prometheus serves /api/v1/* with that prefix stripped.
	Prometheus http.Handler
	// Federate serves /federate.
	Federate http.Handler
	// WriteMetrics writes Tidemark's own metrics in Prometheus' text format.
	WriteMetrics func(io.Writer)
	// Reload takes over the configuration anew, or says why it did not.
	Reload func(context.Context) error
	// Ready says why the server cannot answer queries yet; nil if it can.
	Ready func() error
	// Home returns what the first page shows beside the changes.
	Home func(context.Context) Home

	Limits Limits
	// Version is Tidemark's own.
	Version string
	Logger  *slog.Logger
	// Metrics takes the server's own metrics.
	Metrics *metrics.Set
}

// Limits bound what a caller may cost. A zero takes the default; none can be
// switched off.
type Limits struct {
	// ChangeBytes bounds a request with one change, BatchBytes one with
	// several, PushBytes one with samples (as it is sent, compressed), and
	// QueryBytes any other.
	ChangeBytes, BatchBytes, PushBytes, QueryBytes int64
	// DeliveryBytes bounds what a webhook sends, which is read before it is known who sent it.
	DeliveryBytes int64
	// HeaderBytes bounds a request's line and headers.
	HeaderBytes int
	// EvaluationBytes bounds a request that evaluates flags, and CollectBytes one
	// that reports evaluations, of which it may have MaxEvents.
	EvaluationBytes, CollectBytes int64
	MaxEvents                     int
	// Batch bounds how many changes one request may report.
	Batch int

	// Writes and Pushes bound how many requests with changes and with samples
	// are worked on at the same time; Streams how many followers there are;
	// Connections how many connections are open.
	Writes, Pushes, Streams, Connections int
	// Deliveries bounds how many deliveries of webhooks are worked on at the same time.
	Deliveries int
	// Evaluations and Collects bound how many requests evaluate flags and report
	// evaluations at the same time; Followers how many browsers follow the flags.
	Evaluations, Collects, Followers int

	// HeaderTimeout and BodyTimeout bound how long a request may take to
	// arrive, AnswerTimeout how long it may take to answer and for the answer
	// to be read. It must be longer than the longest query.
	HeaderTimeout, BodyTimeout, AnswerTimeout time.Duration
	// WorkTimeout bounds the work on a request to the change log.
	WorkTimeout time.Duration
	// IdleTimeout bounds how long a connection stays open without requests.
	IdleTimeout time.Duration
	// KeepAlive is how often a stream without events shows that it lives, and
	// StreamTimeout how long its reader may take to read an event.
	KeepAlive, StreamTimeout time.Duration
}

// DefaultLimits are the limits of a server that is given none.
func DefaultLimits() Limits {
	return Limits{
		ChangeBytes: 1 << 20, BatchBytes: 8 << 20, PushBytes: 32 << 20, QueryBytes: 10 << 20,
		EvaluationBytes: 64 << 10, CollectBytes: 32 << 20, MaxEvents: 200_000,
		DeliveryBytes: 1 << 20,
		HeaderBytes:   64 << 10,
		Batch:         1000,
		Writes:        256, Pushes: 64, Streams: 256, Connections: 4096,
		Deliveries:  256,
		Evaluations: 256, Collects: 4, Followers: 2048,
		HeaderTimeout: 10 * time.Second, BodyTimeout: 30 * time.Second, AnswerTimeout: 10 * time.Minute,
		WorkTimeout: 30 * time.Second,
		IdleTimeout: 5 * time.Minute,
		KeepAlive:   15 * time.Second, StreamTimeout: 30 * time.Second,
	}
}

// or returns value, or fallback for a zero.
func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// withDefaults returns l with the default in the place of each zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		ChangeBytes: or(l.ChangeBytes, d.ChangeBytes), BatchBytes: or(l.BatchBytes, d.BatchBytes),
		PushBytes: or(l.PushBytes, d.PushBytes), QueryBytes: or(l.QueryBytes, d.QueryBytes),
		EvaluationBytes: or(l.EvaluationBytes, d.EvaluationBytes), CollectBytes: or(l.CollectBytes, d.CollectBytes),
		MaxEvents:     or(l.MaxEvents, d.MaxEvents),
		DeliveryBytes: or(l.DeliveryBytes, d.DeliveryBytes), Deliveries: or(l.Deliveries, d.Deliveries),
		HeaderBytes: or(l.HeaderBytes, d.HeaderBytes),
		Batch:       or(l.Batch, d.Batch),
		Writes:      or(l.Writes, d.Writes), Pushes: or(l.Pushes, d.Pushes),
		Streams: or(l.Streams, d.Streams), Connections: or(l.Connections, d.Connections),
		Evaluations: or(l.Evaluations, d.Evaluations), Collects: or(l.Collects, d.Collects), Followers: or(l.Followers, d.Followers),
		HeaderTimeout: or(l.HeaderTimeout, d.HeaderTimeout), BodyTimeout: or(l.BodyTimeout, d.BodyTimeout),
		AnswerTimeout: or(l.AnswerTimeout, d.AnswerTimeout), WorkTimeout: or(l.WorkTimeout, d.WorkTimeout),
		IdleTimeout: or(l.IdleTimeout, d.IdleTimeout),
		KeepAlive:   or(l.KeepAlive, d.KeepAlive), StreamTimeout: or(l.StreamTimeout, d.StreamTimeout),
	}
}

func (l Limits) validate() error {
	var errs []error
	for name, value := range map[string]int64{
		"ChangeBytes": l.ChangeBytes, "BatchBytes": l.BatchBytes, "PushBytes": l.PushBytes, "QueryBytes": l.QueryBytes,
		"EvaluationBytes": l.EvaluationBytes, "CollectBytes": l.CollectBytes, "MaxEvents": int64(l.MaxEvents),
		"Evaluations": int64(l.Evaluations), "Collects": int64(l.Collects), "Followers": int64(l.Followers),
		"DeliveryBytes": l.DeliveryBytes, "Deliveries": int64(l.Deliveries),
		"HeaderBytes": int64(l.HeaderBytes), "Batch": int64(l.Batch),
		"Writes": int64(l.Writes), "Pushes": int64(l.Pushes), "Streams": int64(l.Streams), "Connections": int64(l.Connections),
		"HeaderTimeout": int64(l.HeaderTimeout), "BodyTimeout": int64(l.BodyTimeout), "AnswerTimeout": int64(l.AnswerTimeout),
		"WorkTimeout": int64(l.WorkTimeout), "IdleTimeout": int64(l.IdleTimeout),
		"KeepAlive": int64(l.KeepAlive), "StreamTimeout": int64(l.StreamTimeout),
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("limit %s: %d must be more than 0", name, value))
		}
	}
	return errors.Join(errs...)
}

func (o Options) validate() error {
	errs := []error{o.Limits.validate()}
	for name, missing := range map[string]bool{
		"FlagFiles": o.FlagControl != nil && o.FlagFiles == nil, "FlagEnvironment": o.FlagControl != nil && o.FlagEnvironment == nil,
		"Changes": o.Changes == nil, "Authority": o.Authority == nil, "Prometheus": o.Prometheus == nil,
		"Federate": o.Federate == nil, "WriteMetrics": o.WriteMetrics == nil, "Reload": o.Reload == nil,
		"Ready": o.Ready == nil, "Home": o.Home == nil, "Logger": o.Logger == nil, "Metrics": o.Metrics == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("the server is made without %s", name))
		}
	}
	return errors.Join(errs...)
}
