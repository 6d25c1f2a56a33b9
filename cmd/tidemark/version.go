package main

import (
	"fmt"
	"runtime"
)

// version is set by the linker.
var version = "unknown"

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(io streams) error {
	_, err := fmt.Fprintf(io.Out, "tidemark %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
