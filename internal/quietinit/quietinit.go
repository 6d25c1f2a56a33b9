// Package quietinit keeps libraries from writing to stderr while the program is
// being initialized: VictoriaMetrics/metrics does on hosts without pressure
// stall information, before main could say otherwise, and would so put a line of
// its own between those of a command that `tidemark deploy` runs.
//
// It never touches anything but the standard logger of package log, and has few
// imports: Go initializes a package as soon as its imports are, and so this one
// before those that need more.
package quietinit

import (
	"io"
	"log"
	"os"
)

//nolint:gochecknoinits // being early is all it is for
func init() { log.SetOutput(io.Discard) }

// Done gives the standard logger its output back.
func Done() { log.SetOutput(os.Stderr) }
