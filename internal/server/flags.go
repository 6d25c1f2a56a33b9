package server

import (
	"context"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/server/ofrep"
)

// gate is the turnstile of evaluations, for the package that evaluates.
type gate struct{ *turnstile }

// Enter implements ofrep.Gate.
func (g gate) Enter() bool { return g.enter() }

// Leave implements ofrep.Gate.
func (g gate) Leave() { g.leave() }

// prepareFlags makes what evaluates flags.
func (s *Server) prepareFlags() {
	s.evaluations = newTurnstile(s.opts.Metrics, "evaluations", s.limits.Evaluations)
	s.collects = newTurnstile(s.opts.Metrics, "evaluation_reports", s.limits.Collects)
	s.followers = newTurnstile(s.opts.Metrics, "flag_followers", s.limits.Followers)
	s.AllowOrigins(s.opts.FlagOrigins)
	s.flags = ofrep.New(ofrep.Options{
		Flags:     s.opts.Flags,
		Gate:      gate{s.evaluations},
		Default:   s.opts.FlagEnvironment,
		Prefix:    s.prefix,
		Ticket:    func(ctx context.Context) string { return s.opts.Authority.Ticket(exchangeOf(ctx).who) },
		MaxEvents: s.limits.MaxEvents,
	})
	s.EnrichContexts(s.opts.FlagContext)
}

// EnrichContexts adds attributes to the context of each evaluation from now on,
// over what the context says itself.
func (s *Server) EnrichContexts(attributes map[string]any) {
	s.flags.Apply(ofrep.Settings{Enrichment: attributes})
}

// flagRoutes are the routes that evaluate flags: of the default environment, and
// of any, each a base URL of its own for the SDKs.
func (s *Server) flagRoutes() []*route {
	if s.opts.Flags == nil {
		return nil
	}
	const (
		get  = http.MethodGet
		post = http.MethodPost
	)
	var routes []*route
	for _, base := range []string{"", "/environments/{environment}"} {
		for _, r := range []*route{
			{method: post, path: "/ofrep/v1/evaluate/flags", class: evaluating, mount: s.opEvaluate(s.flags.Bulk, bulkOperation), refusal: ofrepRefusal},
			{method: post, path: "/ofrep/v1/evaluate/flags/{key}", class: evaluating, mount: s.opEvaluate(s.flags.Single, singleOperation), refusal: ofrepRefusal},
			{method: get, path: "/ofrep/v1/events", class: following, mount: s.opEvents(), refusal: ofrepRefusal, ticket: true},

			// GO Feature Flag's relay, for its providers.
			{method: post, path: "/v1/feature/{key}/eval", class: evaluating, mount: s.opEvaluate(s.flags.RelayEvaluate, relayEvaluateOperation), refusal: relayRefusal},
			{method: post, path: "/v1/allflags", class: evaluating, mount: s.opEvaluate(s.flags.RelayAll, relayAllOperation), refusal: relayRefusal},
			// Whole definitions say whom a flag is for: not for every page's token.
			{method: post, path: "/v1/flag/configuration", need: auth.Viewer, class: evaluating, mount: s.opEvaluate(s.flags.Configuration, relayConfigurationOperation), refusal: relayRefusal},
			{method: get, path: "/v1/flag/change", class: reading, mount: s.opEvaluate(s.flags.Changes, relayChangesOperation), refusal: relayRefusal},
			{method: post, path: "/v1/data/collector", class: collecting, mount: s.opEvaluate(s.flags.Collect, relayCollectOperation), refusal: relayRefusal},
		} {
			r.path, r.need, r.foreign = base+r.path, max(r.need, auth.Evaluator), r.need <= auth.Evaluator
			routes = append(routes, r, &route{
				method: http.MethodOptions, path: r.path, need: auth.None, class: reading, foreign: true, mount: plain(preflight(r.method)),
			})
		}
	}
	return routes
}

// pathValue returns a parameter of c's path as it was meant.
func pathValue(c echo.Context, name string) string {
	value := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return value // the path was taken out of its escapes already
	}
	if meant, err := url.PathUnescape(value); err == nil {
		return meant
	}
	return value
}

// handler makes h one of echo's.
func handler(h http.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		for _, name := range c.ParamNames() {
			r.SetPathValue(name, pathValue(c, name))
		}
		h(c.Response(), r)
		return nil
	}
}

// events follows the flags of an environment.
func (s *Server) events(c echo.Context) error {
	environment := pathValue(c, "environment")
	if !s.flags.Knows(environment) {
		return newProblem(http.StatusNotFound, "there is no environment called "+environment+"; flags.environments in the configuration lists those that have flags")
	}
	last := c.Request().Header.Get(lastEventID)
	s.follow(c.Request().Context(), "follows the flags", newEventStream(c.Response(), s.limits), func(ctx context.Context, stream *eventStream) error {
		return s.flags.Follow(ctx, environment, last, func(e ofrep.Event) error { return stream.event(e.ID, "message", e.Data) })
	})
	return nil
}

// ofrepRefusal writes a problem in OFREP's form.
func ofrepRefusal(c echo.Context, p *Problem) []byte {
	return ofrep.Problem(p.Status, pathValue(c, "key"), p.Detail)
}

// relayRefusal writes a problem in the form of GO Feature Flag's relay.
func relayRefusal(_ echo.Context, p *Problem) []byte { return ofrep.RelayProblem(p.Detail) }
