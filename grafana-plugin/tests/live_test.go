//go:build e2e

package tests

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

// liveWithin is how soon a change must be on an open dashboard.
const liveWithin = time.Second

// TestLive follows the channel of changes as Grafana Live does.
func TestLive(t *testing.T) {
	p := start(t)

	t.Run("a channel that is not there is not found", func(t *testing.T) {
		answer, err := p.process.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{PluginContext: p.source(), Path: "rumours"})
		require.NoError(t, err)
		require.Equal(t, backend.SubscribeStreamStatusNotFound, answer.Status)
	})
	t.Run("the channel begins with its fields, and a change arrives within a second", func(t *testing.T) {
		answer, err := p.process.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{PluginContext: p.source(), Path: "changes"})
		require.NoError(t, err)
		require.Equal(t, backend.SubscribeStreamStatusOK, answer.Status)
		require.NotNil(t, answer.InitialData)
		fields := fieldNames(t, answer.InitialData.Data())
		require.Subset(t, fields, []string{"time", "id", "kind", "service", "environment", "status", "seq"})

		packets := make(chan []byte, 16)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- p.process.RunStream(ctx, &backend.RunStreamRequest{PluginContext: p.source(), Path: "changes"},
				func(packet []byte) { packets <- packet })
		}()
		// The stream says nothing of when it has begun to follow: record until
		// one arrives, and measure the next.
		require.Eventually(t, func() bool {
			p.record(t, `{"kind":"restart","service":"probe","title":"restart probe"}`)
			select {
			case <-packets:
				return true
			case <-time.After(liveWithin):
				return false
			}
		}, patience, time.Millisecond)
		drain(packets)

		recorded := time.Now()
		id := p.record(t, `{"kind":"deploy","service":"web","version":"v1","title":"deploy web v1"}`)
		for seen := false; !seen; {
			select {
			case packet := <-packets:
				seen = contains(t, packet, fields, "id", id)
			case <-time.After(patience):
				t.Fatal("the change never arrived")
			}
		}
		require.Less(t, time.Since(recorded), liveWithin)

		cancel()
		select {
		case err := <-ended:
			require.ErrorIs(t, err, context.Canceled)
		case <-time.After(patience):
			t.Fatal("the stream did not end with its last follower")
		}
	})
}

// packet is a frame as it goes over Grafana Live.
type packet struct {
	Schema struct {
		Fields []struct {
			Name string `json:"name"`
		} `json:"fields"`
	} `json:"schema"`
	Data struct {
		Values [][]any `json:"values"`
	} `json:"data"`
}

// fieldNames reads the schema that a channel begins with.
func fieldNames(t *testing.T, initial []byte) []string {
	t.Helper()
	var p packet
	require.NoError(t, json.Unmarshal(initial, &p))
	names := make([]string, len(p.Schema.Fields))
	for i, field := range p.Schema.Fields {
		names[i] = field.Name
	}
	return names
}

// contains says whether a packet has a row with the value in the field named.
func contains(t *testing.T, raw []byte, fields []string, name, want string) bool {
	t.Helper()
	var p packet
	require.NoError(t, json.Unmarshal(raw, &p), "%s", raw)
	require.Len(t, p.Data.Values, len(fields), "%s", raw)
	for i, field := range fields {
		if field != name {
			continue
		}
		for _, value := range p.Data.Values[i] {
			if value == want {
				return true
			}
		}
	}
	return false
}

// drain drops what has arrived so far.
func drain(packets <-chan []byte) {
	for {
		select {
		case <-packets:
		default:
			return
		}
	}
}
