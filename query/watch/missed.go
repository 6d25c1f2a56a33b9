package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/seen"
)

// missedBack is how far back it is asked, after a start, which deploys were not seen.
const missedBack = 24 * time.Hour

// miss marks the deploys that were told, should have been seen by now, and were not.
func (w *Watcher) miss(ctx context.Context, now time.Time) error {
	due := now.Add(-w.opts.JoinWithin)
	if due.Sub(w.missed) < time.Minute {
		return nil
	}
	from := w.missed
	if from.IsZero() {
		from = now.Add(-missedBack)
	}
	ask := annotate.List{Limit: annotate.MaxPage, Filter: annotate.Filter{
		Kinds: []string{annotate.KindDeploy}, Statuses: []annotate.Status{annotate.Succeeded}, From: annotate.At(from), To: annotate.At(due),
	}}
	for {
		page, err := w.opts.Log.List(ctx, ask)
		if err != nil {
			return fmt.Errorf("asking for deploys that were not seen: %w", err)
		}
		for _, c := range page.Changes {
			if !w.missing(c, due) {
				continue
			}
			patch := annotate.Patch{Revision: c.Revision, Set: annotate.Report{Labels: labelled(c, annotate.LabelSeen, "false")}}
			if _, err := w.opts.Log.Amend(ctx, by, c.ID, patch); err != nil && annotate.CodeOf(err) != annotate.Conflict && annotate.CodeOf(err) != annotate.Invalid {
				return fmt.Errorf("marking a deploy that was not seen: %w", err)
			}
		}
		if page.Next == nil || *page.Next == "" {
			w.missed = due
			return nil
		}
		ask.Cursor = *page.Next
	}
}

// labelled are c's labels with one more.
func labelled(c annotate.Change, name, value string) map[string]string {
	out := map[string]string{name: value}
	for n, v := range c.Labels {
		if n != name {
			out[n] = v
		}
	}
	return out
}

// missing reports whether a deploy that ended before due should have been seen: its place
// was watched all the time, and runs other versions, of the same kind.
func (w *Watcher) missing(c annotate.Change, due time.Time) bool {
	if _, said := c.Labels[annotate.LabelSeen]; said || c.Version == "" || c.End == nil || c.End.After(due) {
		return false
	}
	for place, k := range w.places {
		if place.Service != c.Service || place.Environment != c.Environment && place.Environment != "" || k.state.Since.After(c.Start.Time) {
			continue
		}
		return !w.runs(k.state, c)
	}
	return false
}

// runs reports whether a place runs what c brought, or cannot tell.
func (w *Watcher) runs(s seen.State, c annotate.Change) bool {
	versions := slices.Clone(s.Versions)
	if s.Rollout != nil {
		versions = append(versions, s.Rollout.Version)
	}
	return slices.ContainsFunc(versions, func(v string) bool {
		running := annotate.Change{Version: v}
		if s.Rollout != nil && s.Rollout.Version == v {
			running.Commit = s.Rollout.Commit
		}
		return annotate.SameVersion(running, c) || isCommit(v) != isCommit(c.Version)
	})
}

func isCommit(v string) bool { return len(v) >= 7 && strings.Trim(v, "0123456789abcdef") == "" }
