//go:build e2e

package tests

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// asked is one query of a panel: its JSON, and what Grafana says beside it.
type asked struct {
	json      string
	alert     bool          // as an alert rule asks
	maxPoints int64         // 0: 500
	interval  time.Duration // 0: 1s
	span      time.Duration // how far back from now; 0: 10m
}

// ask sends a query and returns its frames, which must come without an error.
func (p *parts) ask(t *testing.T, q asked) data.Frames {
	t.Helper()
	answer := p.answer(t, q)
	require.NoError(t, answer.Error, q.json)
	return answer.Frames
}

// answer sends a query and returns what comes back, an error too.
func (p *parts) answer(t *testing.T, q asked) backend.DataResponse {
	t.Helper()
	var target struct {
		QueryType string `json:"queryType"`
	}
	require.NoError(t, json.Unmarshal([]byte(q.json), &target))
	req := &backend.QueryDataRequest{
		PluginContext: p.source(),
		Headers:       map[string]string{},
		Queries: []backend.DataQuery{{
			RefID:         "A",
			QueryType:     target.QueryType,
			MaxDataPoints: orDefault(q.maxPoints, 500),
			Interval:      orDefault(q.interval, time.Second),
			TimeRange:     backend.TimeRange{From: time.Now().Add(-orDefault(q.span, 10*time.Minute)), To: time.Now().Add(time.Second)},
			JSON:          json.RawMessage(q.json),
		}},
	}
	if q.alert {
		req.Headers["FromAlert"] = "true"
	}
	resp, err := p.process.QueryData(t.Context(), req)
	require.NoError(t, err)
	require.Contains(t, resp.Responses, "A")
	return resp.Responses["A"]
}

// orDefault returns value, or byDefault for the zero value.
func orDefault[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}

// column returns the values of a field as text; a missing field fails the test.
func column(t *testing.T, frame *data.Frame, name string) []string {
	t.Helper()
	field, _ := frame.FieldByName(name)
	require.NotNil(t, field, "no field %s in:\n%s", name, describe(frame))
	values := make([]string, field.Len())
	for i := range values {
		value, ok := field.ConcreteAt(i)
		switch v := value.(type) {
		case string:
			values[i] = v
		case json.RawMessage:
			values[i] = string(v)
		case time.Time:
			values[i] = v.UTC().Format(time.RFC3339Nano)
		default:
			text, err := json.Marshal(v)
			require.NoError(t, err)
			values[i] = string(text)
		}
		if !ok {
			values[i] = ""
		}
	}
	return values
}

// describe shows a frame in a failure.
func describe(frame *data.Frame) string {
	text, err := frame.StringTable(20, 10)
	if err != nil {
		return err.Error()
	}
	return text
}

// frameNamed returns the only frame of that name.
func frameNamed(t *testing.T, frames data.Frames, name string) *data.Frame {
	t.Helper()
	var found *data.Frame
	for _, frame := range frames {
		if frame.Name == name {
			require.Nil(t, found, "two frames named %s", name)
			found = frame
		}
	}
	require.NotNil(t, found, "no frame named %s", name)
	return found
}

// lastValue returns the newest value of a frame's value field.
func lastValue(t *testing.T, frame *data.Frame) float64 {
	t.Helper()
	for _, field := range frame.Fields {
		if field.Type().Numeric() && field.Len() > 0 {
			value, err := field.NullableFloatAt(field.Len() - 1)
			require.NoError(t, err)
			require.NotNil(t, value)
			return *value
		}
	}
	t.Fatalf("no value field in:\n%s", describe(frame))
	return 0
}
