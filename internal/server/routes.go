package server

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/internal/auth"
)

// table lists every route that there is: what it is called, what it takes, and
// what answers. A method that is not listed for a path is refused.
func (s *Server) table() []*route {
	const (
		get  = http.MethodGet
		head = http.MethodHead
		post = http.MethodPost
	)
	prometheus := plain(s.prometheus)
	routes := []*route{
		{method: get, path: "/", need: auth.Viewer, class: reading, mount: plain(s.home)},
		{method: get, path: "/changes", need: auth.Viewer, class: reading, mount: plain(s.changesOf)},
		{method: get, path: "/changes/{id}", need: auth.Viewer, class: reading, mount: plain(s.changeOf)},
		{method: get, path: "/openapi.json", need: auth.Viewer, class: reading, mount: plain(s.openAPI)},

		{method: post, path: "/api/v1/changes", need: auth.Operator, class: writing, mount: s.opRecord()},
		{method: get, path: "/api/v1/changes", need: auth.Viewer, class: reading, mount: s.opList(get)},
		{method: get, path: "/api/v1/changes/last", need: auth.Viewer, class: reading, mount: s.opLast(get)},
		{method: get, path: "/api/v1/changes/marks", need: auth.Viewer, class: reading, mount: s.opMarks(get)},
		// The same questions by a form; the list has a path of its own for it,
		// since a POST to its other one records.
		{method: post, path: "/api/v1/changes/list", need: auth.Viewer, class: reading, mount: s.opList(post)},
		{method: post, path: "/api/v1/changes/last", need: auth.Viewer, class: reading, mount: s.opLast(post)},
		{method: post, path: "/api/v1/changes/marks", need: auth.Viewer, class: reading, mount: s.opMarks(post)},
		{method: get, path: "/api/v1/changes/stream", need: auth.Viewer, class: streaming, mount: s.opStream()},
		{method: get, path: "/api/v1/changes/{id}", need: auth.Viewer, class: reading, mount: s.opGet()},
		{method: http.MethodPatch, path: "/api/v1/changes/{id}", need: auth.Operator, class: writing, mount: s.opAmend()},
		{method: get, path: "/api/v1/changes/{id}/revisions", need: auth.Viewer, class: reading, mount: s.opRevisions()},

		{method: get, path: "/federate", need: auth.Viewer, class: querying, mount: plain(echo.WrapHandler(s.opts.Federate))},
		{method: get, path: "/metrics", need: auth.Viewer, class: reading, mount: plain(s.metrics)},
		{method: head, path: "/metrics", need: auth.Viewer, class: reading, mount: plain(s.metrics)},
		{method: get, path: "/-/healthy", need: auth.None, class: reading, mount: plain(healthy)},
		{method: head, path: "/-/healthy", need: auth.None, class: reading, mount: plain(healthy)},
		{method: get, path: "/-/ready", need: auth.None, class: reading, mount: plain(s.ready)},
		{method: head, path: "/-/ready", need: auth.None, class: reading, mount: plain(s.ready)},
		{method: post, path: "/-/reload", need: auth.Operator, class: writing, mount: plain(s.reload)},
		{method: http.MethodPut, path: "/-/reload", need: auth.Operator, class: writing, mount: plain(s.reload)},

		// Prometheus' API. What asks by GET reads; of the rest, only what is
		// listed here gets through.
		{method: get, path: "/api/v1/*", need: auth.Viewer, class: querying, mount: prometheus},
		{method: http.MethodOptions, path: "/api/v1/*", need: auth.None, class: querying, mount: prometheus},
		{method: get, path: "/api/v1/notifications/live", need: auth.Viewer, class: streaming, mount: prometheus},
		{method: post, path: "/api/v1/write", need: auth.Operator, class: pushing, mount: prometheus},
		{method: post, path: "/api/v1/otlp/v1/metrics", need: auth.Operator, class: pushing, mount: prometheus},
	}
	for _, path := range []string{
		"query", "query_range", "query_exemplars", "query_cost", "query_range_cost", "format_query", "parse_query",
		"labels", "series", "read", "search/metric_names", "search/label_names", "search/label_values",
	} {
		routes = append(routes, &route{method: post, path: "/api/v1/" + path, need: auth.Viewer, class: querying, mount: prometheus})
	}
	for _, path := range []string{"delete_series", "clean_tombstones", "snapshot"} {
		for _, method := range []string{post, http.MethodPut} {
			routes = append(routes, &route{method: method, path: "/api/v1/admin/tsdb/" + path, need: auth.Admin, class: querying, mount: prometheus})
		}
	}
	return slices.Concat(routes, s.annotationRoutes(), s.eventRoutes(), s.endpointRoutes(), s.hookRoutes(), s.deployRoutes(), s.flagControlRoutes(), s.flagRoutes())
}

// wire makes echo's router of the table. It returns an error if echo has a
// route that the table does not, which nobody would be asked for a role at.
func (s *Server) wire() error {
	s.echo = echo.New()
	s.echo.HTTPErrorHandler = func(err error, c echo.Context) { s.answerProblem(c, problemOf(err, "query")) }
	s.echo.Pre(s.observe, s.underPrefix)
	s.echo.Use(s.admit)
	s.api = newAPI(s.echo, s.prefix, s.opts.Version)
	s.routes = map[routeKey]*route{}
	for _, r := range s.table() {
		r.meters = newMeters(s.opts.Metrics, r.method, r.path)
		s.routes[routeKey{r.method, r.pattern()}] = r
		r.mount(s, r)
	}
	for _, registered := range s.echo.Routes() {
		if s.routes[routeKey{registered.Method, registered.Path}] == nil {
			return fmt.Errorf("route %s %s is not in the table", registered.Method, registered.Path)
		}
	}
	spec, err := marshalSpec(s.api.OpenAPI())
	if err != nil {
		return err
	}
	s.spec = spec
	return nil
}
