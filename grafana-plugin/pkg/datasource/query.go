package datasource

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// maxAtOnce is how many queries of one request are worked on together.
const maxAtOnce = 8

// QueryData implements backend.QueryDataHandler. A query that fails has an
// error of its own, and the others their answers.
func (d *DataSource) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	var (
		working  errgroup.Group
		mu       sync.Mutex
		occasion = occasionOf(req)
		resp     = backend.NewQueryDataResponse()
	)
	working.SetLimit(maxAtOnce)
	for _, q := range req.Queries {
		working.Go(func() error {
			answer := d.query(ctx, q, occasion)
			mu.Lock()
			defer mu.Unlock()
			resp.Responses[q.RefID] = answer
			return nil
		})
	}
	return resp, working.Wait()
}

// query hands one query to what answers it. What has no type, or one that is
// not known, is PromQL: so are the panels made for Grafana's Prometheus.
func (d *DataSource) query(ctx context.Context, q backend.DataQuery, occasion metrics.Occasion) backend.DataResponse {
	switch queryType(q) {
	case "changes", "last", "flags", "timeline", "overlay":
		return withStatus(d.changes.Query(ctx, q))
	}
	return withStatus(d.metrics.Query(ctx, q, occasion))
}

// withStatus gives an error the status that the server gave it, so that
// Grafana does not count a misspelt query as a failure of the data source.
func withStatus(resp backend.DataResponse) backend.DataResponse {
	if resp.Error == nil || resp.Status != 0 {
		return resp
	}
	switch status := tidemark.StatusOf(resp.Error); {
	case status >= 400:
		resp.Status = backend.Status(status)
	case errors.Is(resp.Error, context.DeadlineExceeded):
		resp.Status = backend.StatusTimeout
	case backend.IsDownstreamError(resp.Error):
		resp.Status = backend.StatusBadGateway
	}
	return resp
}

// queryType returns the type of q. Grafana repeats it outside the JSON, but not
// for every caller.
func queryType(q backend.DataQuery) string {
	if q.QueryType != "" {
		return q.QueryType
	}
	var inside struct {
		QueryType string `json:"queryType"`
	}
	_ = json.Unmarshal(q.JSON, &inside) // what cannot be read is refused by what answers it
	return inside.QueryType
}

func occasionOf(req *backend.QueryDataRequest) metrics.Occasion {
	var o metrics.Occasion
	for name, value := range req.Headers {
		switch strings.TrimPrefix(strings.ToLower(name), "http_") {
		case "fromalert", "x-grafana-from-expr":
			o.ByRule = o.ByRule || value == "true"
		}
	}
	for _, q := range req.Queries {
		if metrics.IsTable(q) {
			o.Tables++
		}
	}
	return o
}
