//go:build linux || (darwin && cgo)

package host

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/node_exporter/collector"
)

// Available reports whether this build has node_exporter's collectors.
const Available = true

// load makes the collector called name. One that cannot be made on this host
// reports so in its metrics, and leaves the others alone.
func load(name string, logger *slog.Logger) source {
	made, err := collector.NewNodeCollector(logger, name)
	if err != nil {
		return broken{fmt.Errorf("it cannot run on this host: %w", err)}
	}
	return made.Collectors[name]
}

// isNoData reports whether a collector failed only in that its host has nothing
// of what it collects.
func isNoData(err error) bool { return collector.IsNoDataError(err) }
