package pluginprocess

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

// QueryData answers the queries of one request.
func (p *Process) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	resp, err := p.data.QueryData(ctx, backend.ToProto().QueryDataRequest(req))
	if err != nil {
		return nil, err
	}
	return backend.FromProto().QueryDataResponse(resp)
}

// CheckHealth is what "Save & test" of the settings asks.
func (p *Process) CheckHealth(ctx context.Context, source backend.PluginContext) (*backend.CheckHealthResult, error) {
	resp, err := p.diagnostics.CheckHealth(ctx, &pluginv2.CheckHealthRequest{
		PluginContext: backend.ToProto().PluginContext(source),
	})
	if err != nil {
		return nil, err
	}
	return backend.FromProto().CheckHealthResponse(resp), nil
}

// CallResource answers an HTTP request to the plugin's own routes. Bodies that
// come in parts are put together.
func (p *Process) CallResource(ctx context.Context, req *backend.CallResourceRequest) (*backend.CallResourceResponse, error) {
	stream, err := p.resource.CallResource(ctx, backend.ToProto().CallResourceRequest(req))
	if err != nil {
		return nil, err
	}
	var whole *backend.CallResourceResponse
	for {
		part, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && whole == nil:
			return nil, fmt.Errorf("%s: no answer", req.Path)
		case errors.Is(err, io.EOF):
			return whole, nil
		case err != nil:
			return nil, err
		case whole == nil:
			whole = backend.FromProto().CallResourceResponse(part)
		default:
			whole.Body = append(whole.Body, part.Body...)
		}
	}
}

// SubscribeStream asks whether a channel may be followed, and for what it
// begins with.
func (p *Process) SubscribeStream(ctx context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	resp, err := p.stream.SubscribeStream(ctx, backend.ToProto().SubscribeStreamRequest(req))
	if err != nil {
		return nil, err
	}
	return backend.FromProto().SubscribeStreamResponse(resp), nil
}

// RunStream follows a channel and hands each packet to got, in order. It returns
// ctx's error when ctx ends, and nil when the backend ends the channel.
func (p *Process) RunStream(ctx context.Context, req *backend.RunStreamRequest, got func(packet []byte)) error {
	stream, err := p.stream.RunStream(ctx, backend.ToProto().RunStreamRequest(req))
	if err != nil {
		return err
	}
	for {
		packet, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		}
		got(packet.GetData())
	}
}
