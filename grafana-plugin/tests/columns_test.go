//go:build e2e

package tests

import (
	"context"
	"io"
	"net/url"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/columns"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// watched is a server whose answers' types are noted.
type watched struct {
	metrics.Server
	types []string
}

// PostForm implements metrics.Server.
func (w *watched) PostForm(ctx context.Context, endpoint string, form url.Values, accept string) (io.ReadCloser, string, error) {
	body, contentType, err := w.Server.PostForm(ctx, endpoint, form, accept)
	w.types = append(w.types, contentType)
	return body, contentType, err
}

// TestColumns: what a real Tidemark answers is read, and it is in columns where
// it can be.
func TestColumns(t *testing.T) {
	p := start(t)
	p.waitSamples(t, "up")
	client, err := tidemark.New(tidemark.Options{URL: p.server.URL, Timeout: patience})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	for expr, want := range map[string]string{
		`{"expr":"up","range":true}`:   columns.MediaType,
		`{"expr":"up","instant":true}`: columns.MediaType,
		`{"expr":"1","instant":true}`:  "application/json",
	} {
		server := &watched{Server: client}
		resp := metrics.New(server, metrics.Options{ScrapeInterval: time.Second, QueryTimeout: patience, MaxPoints: 1_000_000}).Query(t.Context(),
			backend.DataQuery{RefID: "A", MaxDataPoints: 100, JSON: []byte(expr), TimeRange: backend.TimeRange{From: time.Now().Add(-time.Minute), To: time.Now()}},
			metrics.Occasion{})
		require.NoError(t, resp.Error, expr)
		require.NotEmpty(t, resp.Frames, expr)
		require.Equal(t, []string{want}, server.types, expr)
	}
}
