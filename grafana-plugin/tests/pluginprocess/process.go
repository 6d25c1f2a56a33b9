// Package pluginprocess runs the plugin's backend as Grafana does: an
// executable of its own that speaks gRPC over a local socket, with none of the
// host's environment.
package pluginprocess

import (
	"context"
	"fmt"
	"io"
	"os/exec"

	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// grafanaVersion is what the backend is told it runs in.
const grafanaVersion = "12.4.0"

// Process is a started backend. Its methods may be called from several
// goroutines at once.
type Process struct {
	client      *goplugin.Client
	pid         int
	data        grpcplugin.DataClient
	diagnostics grpcplugin.DiagnosticsClient
	resource    grpcplugin.ResourceClient
	stream      grpcplugin.StreamClient
}

// Start runs the executable and shakes hands with it. What the backend logs
// goes to log. The process lives until Stop, whatever becomes of ctx.
func Start(ctx context.Context, executable string, log io.Writer) (*Process, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), executable)
	cmd.Env = []string{"GF_VERSION=" + grafanaVersion}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		Cmd: cmd,
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion:  grpcplugin.ProtocolVersion,
			MagicCookieKey:   grpcplugin.MagicCookieKey,
			MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{
			grpcplugin.ProtocolVersion: {
				"data":        &grpcplugin.DataGRPCPlugin{},
				"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
				"resource":    &grpcplugin.ResourceGRPCPlugin{},
				"stream":      &grpcplugin.StreamGRPCPlugin{},
			},
		},
		SkipHostEnv:      true,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Logger:           hclog.New(&hclog.LoggerOptions{Name: "backend", Output: log, Level: hclog.Warn}),
	})
	p := &Process{client: client}
	if err := p.connect(); err != nil {
		client.Kill()
		return nil, fmt.Errorf("start the backend %s: %w", executable, err)
	}
	p.pid = cmd.Process.Pid
	return p, nil
}

// connect dials the process and asks for each of the services it must offer.
func (p *Process) connect() error {
	rpc, err := p.client.Client()
	if err != nil {
		return err
	}
	if p.data, err = service[grpcplugin.DataClient](rpc, "data"); err != nil {
		return err
	}
	if p.diagnostics, err = service[grpcplugin.DiagnosticsClient](rpc, "diagnostics"); err != nil {
		return err
	}
	if p.resource, err = service[grpcplugin.ResourceClient](rpc, "resource"); err != nil {
		return err
	}
	p.stream, err = service[grpcplugin.StreamClient](rpc, "stream")
	return err
}

// service returns the client of one of the backend's services.
func service[T any](rpc goplugin.ClientProtocol, name string) (T, error) {
	var none T
	raw, err := rpc.Dispense(name)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	client, ok := raw.(T)
	if !ok {
		return none, fmt.Errorf("%s: is a %T", name, raw)
	}
	return client, nil
}

// Pid is the process' number.
func (p *Process) Pid() int { return p.pid }

// Exited says whether the process has ended.
func (p *Process) Exited() bool { return p.client.Exited() }

// Ping answers when the process does.
func (p *Process) Ping(context.Context) error {
	rpc, err := p.client.Client()
	if err != nil {
		return err
	}
	return rpc.Ping()
}

// Stop asks the process to end, and ends it when it does not. It waits until
// the process is gone.
func (p *Process) Stop() { p.client.Kill() }
