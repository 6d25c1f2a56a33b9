package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/tidemark/tidemark/dashboards"
)

type dashboardsCmd struct {
	Export dashboardsExportCmd `cmd:"" help:"Write the dashboards, and the files that provision them, for Grafana to read."`
	List   dashboardsListCmd   `cmd:"" help:"List the dashboards."`
}

type dashboardsExportCmd struct {
	Dir   string `arg:"" type:"path" help:"The folder to write to; DIR/dashboards and DIR/provisioning are made in it."`
	Force bool   `help:"Overwrite files that are there and differ."`
}

// Run says what it wrote, a file a line.
func (c *dashboardsExportCmd) Run(io streams) error {
	outcomes, err := dashboards.Export(c.Dir, c.Force)
	for _, o := range outcomes {
		did := "unchanged"
		if o.Written {
			did = "wrote"
		}
		fmt.Fprintln(io.Out, did, o.Path)
	}
	if errors.Is(err, dashboards.ErrWouldOverwrite) {
		return fmt.Errorf("%w; nothing was written, --force overwrites them", err)
	}
	return err
}

type dashboardsListCmd struct {
	outputFlag
}

// Run prints a table, or a JSON object a line.
func (c *dashboardsListCmd) Run(io streams) error {
	list, err := dashboards.List()
	if err != nil {
		return err
	}
	if !c.table(io) {
		enc := json.NewEncoder(io.Out)
		for _, d := range list {
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(io.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "UID\tTITLE\tWHAT IT SHOWS")
	for _, d := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\n", d.UID, d.Title, d.Description)
	}
	return w.Flush()
}
