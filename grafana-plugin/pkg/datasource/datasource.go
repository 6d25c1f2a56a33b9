package datasource

import (
	"context"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/changes"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/settings"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// DataSource is one configured data source. Grafana makes a new one when the
// settings change, and disposes of the old one.
type DataSource struct {
	client    *tidemark.Client
	metrics   *metrics.Querier
	changes   *changes.Log
	resources backend.CallResourceHandler
}

var (
	_ backend.QueryDataHandler      = (*DataSource)(nil)
	_ backend.CheckHealthHandler    = (*DataSource)(nil)
	_ backend.CallResourceHandler   = (*DataSource)(nil)
	_ backend.StreamHandler         = (*DataSource)(nil)
	_ instancemgmt.InstanceDisposer = (*DataSource)(nil)
)

// New makes a data source of its settings. An error says what of them cannot
// be used, and is shown by "Save & test".
func New(ctx context.Context, instance backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	s, err := settings.Load(instance)
	if err != nil {
		return nil, backend.DownstreamError(err)
	}
	transport, err := settings.HTTPOptions(ctx, instance)
	if err != nil {
		return nil, backend.DownstreamError(err)
	}
	client, err := tidemark.New(tidemark.Options{
		URL: s.URL, Token: s.Token, TokenApart: s.TokenApart, Timeout: s.Timeout, HTTP: transport,
	})
	if err != nil {
		return nil, backend.DownstreamError(err)
	}
	d := &DataSource{
		client: client,
		metrics: metrics.New(client, metrics.Options{
			ScrapeInterval: s.ScrapeInterval, QueryTimeout: s.QueryTimeout, MaxPoints: s.MaxPoints,
		}),
		changes: changes.New(client, changes.Options{
			PublicURL:         s.PublicURL,
			Overlay:           changes.Overlay(s.Overlay),
			ServiceLabels:     s.ServiceLabels,
			EnvironmentLabels: s.EnvironmentLabels,
			PerUser:           s.PerUser,
			Timeout:           s.Timeout,
		}),
	}
	mux := http.NewServeMux()
	d.routes(mux)
	d.resources = httpadapter.New(mux)
	return d, nil
}

// Dispose implements instancemgmt.InstanceDisposer.
func (d *DataSource) Dispose() { d.client.Close() }

// CallResource implements backend.CallResourceHandler.
func (d *DataSource) CallResource(ctx context.Context, req *backend.CallResourceRequest, sender backend.CallResourceResponseSender) error {
	return d.resources.CallResource(ctx, req, sender)
}

// SubscribeStream implements backend.SubscribeStreamHandler.
func (d *DataSource) SubscribeStream(ctx context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	return d.changes.SubscribeStream(ctx, req)
}

// RunStream implements backend.RunStreamHandler.
func (d *DataSource) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	return d.changes.RunStream(ctx, req, sender)
}

// PublishStream implements backend.PublishStreamHandler: viewing never changes
// anything, so nobody publishes.
func (d *DataSource) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}
