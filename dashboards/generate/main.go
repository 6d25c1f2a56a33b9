// Command generate writes the Grafana dashboards of package dashboards, as JSON,
// into a folder. `go generate ./dashboards` runs it.
//
// The dashboards are described in Go, so that what they share is said once and
// a panel can neither overlap another nor lack what all panels have.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// all returns the dashboards by the names of their files.
func all() map[string]*dashboard {
	return map[string]*dashboard{
		"now.json":     nowDashboard(),
		"host.json":    hostDashboard(),
		"service.json": serviceDashboard(),
		"changes.json": changesDashboard(),
		"flags.json":   flagsDashboard(),
		"itself.json":  itselfDashboard(),
	}
}

func write(folder string) error {
	for name, d := range all() {
		content, err := encode(d)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// encode returns d as a person would like to read it.
func encode(d *dashboard) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(d)
	return b.Bytes(), err
}
