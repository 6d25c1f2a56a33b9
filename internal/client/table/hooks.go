package table

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate/intake/hooks"
)

// Hooks writes how it stands with webhooks, one on a line.
func Hooks(w io.Writer, list []hooks.Status) error {
	p := columnsOf(w, "NAME", "SENDER", "LAST", "NOT UNDERSTOOD", "SINCE THE START")
	for _, h := range list {
		last, outcomes := "", []string{}
		if !h.Last.IsZero() {
			last = h.Last.Local().Format("01-02 15:04:05")
		}
		for _, name := range slices.Sorted(maps.Keys(h.Outcomes)) {
			if n := h.Outcomes[name]; n > 0 {
				outcomes = append(outcomes, fmt.Sprintf("%d %s", n, name))
			}
		}
		sender := h.Sender
		if sender == "" {
			sender = "(set up no more)"
		}
		p.row(h.Name, sender, last, fmt.Sprint(h.Kept), strings.Join(outcomes, ", "))
	}
	return p.Flush()
}

// Deliveries writes deliveries that were not understood, one on a line.
func Deliveries(w io.Writer, list []hooks.DeliveryView) error {
	p := columnsOf(w, "ID", "CAME", "WHY")
	for _, d := range list {
		p.row(fmt.Sprint(d.ID), d.Time.Local().Format("01-02 15:04:05"), d.Why)
	}
	return p.Flush()
}
