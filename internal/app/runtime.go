package app

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	webapi "github.com/prometheus/prometheus/web/api/v1"
)

// runtimeInfo answers /api/v1/status/runtimeinfo.
func (a *App) runtimeInfo() (webapi.RuntimeInfo, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return webapi.RuntimeInfo{}, fmt.Errorf("reading the host's name: %w", err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "unknown"
	}
	return webapi.RuntimeInfo{
		StartTime:           a.started.UTC(),
		CWD:                 cwd,
		Hostname:            hostname,
		ServerTime:          a.now().UTC(),
		ReloadConfigSuccess: a.telemetry.reloadOK.Get() == 1,
		LastConfigTime:      a.telemetry.lastReload(),
		CorruptionCount:     a.telemetry.counter("prometheus_tsdb_wal_corruptions_total"),
		GoroutineCount:      runtime.NumGoroutine(),
		GOMAXPROCS:          runtime.GOMAXPROCS(0),
		GOMEMLIMIT:          debug.SetMemoryLimit(-1),
		GOGC:                os.Getenv("GOGC"),
		GODEBUG:             os.Getenv("GODEBUG"),
		StorageRetention:    a.retention(),
	}, nil
}

// retention says in Prometheus' words how long samples are kept.
func (a *App) retention() string {
	r := a.store.Retention(a.config.Load().Prometheus)
	var bounds []string
	if r.Time > 0 {
		bounds = append(bounds, model.Duration(r.Time).String())
	}
	switch {
	case r.Percentage > 0:
		bounds = append(bounds, fmt.Sprintf("%g%%", r.Percentage))
	case r.Size > 0:
		bounds = append(bounds, units.Base2Bytes(r.Size).String())
	}
	return strings.Join(bounds, " or ")
}

// version answers /api/v1/status/buildinfo.
func (a *App) version() webapi.PrometheusVersion {
	v := webapi.PrometheusVersion{Version: a.opts.Version, GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.time":
				v.BuildDate = s.Value
			}
		}
	}
	return v
}
