package metrics

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// The forms that samples come back in.
const (
	formatTimeSeries = "time_series"
	formatTable      = "table"
	formatHeatmap    = "heatmap"
)

// query is one target, as the front end, an alert rule or a dashboard made for
// Grafana's Prometheus data source writes it.
type query struct {
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
	// MinStep is a duration, or a macro of one.
	MinStep string `json:"interval"`
	// Factor multiplies the step; old dashboards have it.
	Factor   int64  `json:"intervalFactor"`
	Range    bool   `json:"range"`
	Instant  bool   `json:"instant"`
	Exemplar bool   `json:"exemplar"`
	Format   string `json:"format"`
	// UTCOffset is how far the zone of the person who asks is ahead of UTC, in
	// seconds; steps of a day begin at that zone's midnight.
	UTCOffset int64 `json:"utcOffsetSec"`

	refID         string
	from, to      time.Time
	interval      time.Duration // what Grafana suggests
	maxDataPoints int64
}

// parseQuery reads dq. An error says what of it cannot be understood.
func parseQuery(dq backend.DataQuery) (query, error) {
	q := query{refID: dq.RefID, from: dq.TimeRange.From, to: dq.TimeRange.To, interval: dq.Interval, maxDataPoints: dq.MaxDataPoints}
	if err := json.Unmarshal(dq.JSON, &q); err != nil {
		return q, fmt.Errorf("query %s cannot be read: %w", dq.RefID, err)
	}
	q.Expr = strings.TrimSpace(q.Expr)
	if !q.Range && !q.Instant {
		q.Range = true
	}
	switch q.Format {
	case "":
		q.Format = formatTimeSeries
	case formatTimeSeries, formatTable, formatHeatmap:
	default:
		return q, fmt.Errorf("query %s has the format %q; it must be time_series, table or heatmap", dq.RefID, q.Format)
	}
	if q.to.Before(q.from) {
		return q, fmt.Errorf("query %s has a time range that ends (%s) before it begins (%s)", dq.RefID,
			q.to.UTC().Format(time.RFC3339), q.from.UTC().Format(time.RFC3339))
	}
	return q, nil
}

// IsTable reports whether dq asks for a table.
func IsTable(dq backend.DataQuery) bool {
	var q struct {
		Format string `json:"format"`
	}
	return json.Unmarshal(dq.JSON, &q) == nil && q.Format == formatTable
}
