package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

const (
	// lostAfter is how long a deploy goes on of which its sender says nothing more.
	lostAfter = 24 * time.Hour
	// sweepEvery is how often it is looked for them.
	sweepEvery = 10 * time.Minute
)

// Run looks for deploys whose end never came, until ctx ends.
func (h *Hooks) Run(ctx context.Context) {
	for {
		if err := h.Sweep(ctx); err != nil && ctx.Err() == nil {
			h.opts.Logger.Error("looking for deploys that never ended failed, and is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery):
		}
	}
}

// silence is what is said of a deploy of which nothing is said.
const silence = "nothing was said of it for a day"

// told reports whether that was said already: another source may say that it goes on.
func told(c annotate.Change) bool {
	return slices.ContainsFunc(c.Evidence, func(e annotate.Evidence) bool { return e.Source == "tidemark" && e.Text == silence })
}

// Sweep has each deploy of a hook's counted as lost of which nothing was said for a day.
// Whoever tells of its end later is believed, for that is further than lost.
func (h *Hooks) Sweep(ctx context.Context) error {
	now := h.opts.Now()
	due := annotate.At(now.Add(-lostAfter))
	ask := annotate.List{Limit: annotate.MaxPage, Filter: annotate.Filter{
		Kinds: []string{annotate.KindDeploy}, Statuses: []annotate.Status{annotate.Running}, To: due,
	}}
	var errs []error
	for {
		page, err := h.opts.Log.List(ctx, ask)
		if err != nil {
			return fmt.Errorf("asking for deploys that go on: %w", err)
		}
		for _, c := range page.Changes {
			one := (*h.set.Load())[c.Source]
			if one == nil || c.ExternalID == "" || c.Updated.After(due.Time) || told(c) {
				continue
			}
			_, err := h.opts.Log.Observe(ctx, by(c.Source), []annotate.Report{{
				Source: c.Source, ExternalID: c.ExternalID, At: annotate.At(now), Status: annotate.Lost, End: c.Updated,
				Evidence: []annotate.Evidence{{Source: "tidemark", Time: annotate.At(now), Text: silence}},
			}})
			if err != nil && !refused(err) {
				errs = append(errs, err)
			}
		}
		if page.Next == nil || *page.Next == "" {
			return errors.Join(errs...)
		}
		ask.Cursor = *page.Next
	}
}
