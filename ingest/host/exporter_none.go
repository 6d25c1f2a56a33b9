//go:build !linux && !(darwin && cgo)

package host

import (
	"errors"
	"log/slog"
)

// Available reports whether this build has node_exporter's collectors. They
// compile on Linux, and on macOS with cgo; elsewhere a build does without the
// host's metrics instead of failing.
const Available = false

var errNotAvailable = errors.New("this build has no collectors of the host's metrics")

func load(string, *slog.Logger) source { return broken{errNotAvailable} }

func isNoData(error) bool { return false }
