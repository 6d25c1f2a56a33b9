package grafanahost

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

const (
	// defaultMaxDataPoints and defaultInterval are Grafana's for a query that
	// says nothing of them, as those of alert rules.
	defaultMaxDataPoints = 100
	defaultInterval      = time.Second
)

// queryRequest is the body of POST /api/ds/query.
type queryRequest struct {
	From    string            `json:"from"`
	To      string            `json:"to"`
	Queries []json.RawMessage `json:"queries"`
}

// target is what Grafana itself reads of one query.
type target struct {
	RefID         string  `json:"refId"`
	QueryType     string  `json:"queryType"`
	MaxDataPoints int64   `json:"maxDataPoints"`
	IntervalMS    float64 `json:"intervalMs"`
}

// query answers the queries of one panel.
func (h *Host) query(w http.ResponseWriter, r *http.Request) {
	var asked queryRequest
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	queries, err := asked.dataQueries()
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	answer, err := h.backend.QueryData(r.Context(), &backend.QueryDataRequest{
		PluginContext: h.Source(),
		Headers:       map[string]string{},
		Queries:       queries,
	})
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	status := http.StatusOK
	for _, response := range answer.Responses {
		if response.Error != nil {
			status = http.StatusBadRequest
		}
	}
	reply(w, status, answer)
}

// dataQueries turns the request into what the backend is asked.
func (q queryRequest) dataQueries() ([]backend.DataQuery, error) {
	from, err := milliseconds(q.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	to, err := milliseconds(q.To)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	queries := make([]backend.DataQuery, 0, len(q.Queries))
	for _, raw := range q.Queries {
		t := target{MaxDataPoints: defaultMaxDataPoints, IntervalMS: float64(defaultInterval.Milliseconds())}
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, err
		}
		queries = append(queries, backend.DataQuery{
			RefID:         t.RefID,
			QueryType:     t.QueryType,
			MaxDataPoints: t.MaxDataPoints,
			Interval:      time.Duration(t.IntervalMS * float64(time.Millisecond)),
			TimeRange:     backend.TimeRange{From: from, To: to},
			JSON:          raw,
		})
	}
	return queries, nil
}

// milliseconds reads the Unix time that the front end sends.
func milliseconds(text string) (time.Time, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms).UTC(), err
}
