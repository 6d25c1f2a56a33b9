package table

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate/deploy/control"
)

// Deploys writes deploys, one on a line.
func Deploys(w io.Writer, list []control.View) error {
	p := columnsOf(w, "ID", "ASKED", "SERVICE", "ENVIRONMENT", "VERSION", "STATUS", "TOOK", "WHO")
	for _, v := range list {
		who, took := "", ""
		if v.Who != nil {
			who = v.Who.Name
		}
		if v.Took() > 0 {
			took = Span(v.Took())
		}
		status := string(v.Status)
		if v.Position > 0 {
			status = fmt.Sprintf("%s, number %d", status, v.Position)
		}
		if v.Undoes != "" {
			status += ", a rollback"
		}
		p.row(v.ID, v.Queued.Local().Format("01-02 15:04:05"), v.Service, v.Environment, v.Version, status, took, who)
	}
	return p.Flush()
}

// DeployTargets writes targets, one on a line.
func DeployTargets(w io.Writer, list []control.TargetView) error {
	p := columnsOf(w, "SERVICE", "ENVIRONMENT", "BY", "RUNNING", "WAIT", "LAST", "TAKES", "HELD")
	for _, t := range list {
		running, last, held := "", "", []string{}
		if t.Running != nil {
			running = t.Running.Version
		}
		if t.Last != nil {
			last = t.Last.Version + " " + string(t.Last.Status)
		}
		for _, o := range t.Obstacles {
			held = append(held, o.String())
		}
		p.row(t.Service, t.Environment, t.Driver, running, fmt.Sprint(len(t.Queue)), last, takes(t.LastFive), strings.Join(held, "; "))
	}
	return p.Flush()
}

// takes says how long the last deploys of a target took, newest first.
func takes(seconds []float64) string {
	parts := make([]string, len(seconds))
	for i, s := range seconds {
		parts[i] = Span(time.Duration(s * float64(time.Second)))
	}
	return strings.Join(parts, ", ")
}
