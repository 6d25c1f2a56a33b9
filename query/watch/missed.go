package watch

import (
	"context"
	"fmt"
	"regexp"
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
	places := w.byService()
	for {
		page, err := w.opts.Log.List(ctx, ask)
		if err != nil {
			return fmt.Errorf("asking for deploys that were not seen: %w", err)
		}
		for _, c := range page.Changes {
			if !w.missing(places[c.Service], c, due, now) {
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
// was watched all the time, is there still, and runs versions of the same form, but not
// that one.
func (w *Watcher) missing(places []watched, c annotate.Change, due, now time.Time) bool {
	if _, said := c.Labels[annotate.LabelSeen]; said || c.Version == "" || c.End == nil || c.End.After(due) {
		return false
	}
	could := false
	for _, p := range places {
		if p.place.Environment != c.Environment && p.place.Environment != "" {
			continue
		}
		if p.state.Since.After(c.Start.Time) || now.Sub(p.last) > lookback || w.runs(p.state, c) {
			return false
		}
		could = true
	}
	return could
}

// watched is a place with what is known of it.
type watched struct {
	place seen.Place
	known
}

// byService are the places of each service.
func (w *Watcher) byService() map[string][]watched {
	all := map[string][]watched{}
	for place, k := range w.places {
		all[place.Service] = append(all[place.Service], watched{place, k})
	}
	return all
}

// runs reports whether a place runs what c brought, or cannot tell.
func (w *Watcher) runs(s seen.State, c annotate.Change) bool {
	versions := slices.Clone(s.Versions)
	if s.Rollout != nil {
		versions = append(versions, s.Rollout.Version)
	}
	alike := false
	for _, v := range versions {
		if annotate.SameVersion(annotate.Change{Version: v}, c) || s.Rollout != nil && annotate.SameVersion(annotate.Change{Commit: s.Rollout.Commit}, c) {
			return true
		}
		alike = alike || form(v) == form(c.Version)
	}
	return !alike
}

// form is what a version looks like: 1.42.0 and v1.43.1 look alike, and neither looks like
// a commit or build-12.
func form(v string) string {
	v = strings.TrimPrefix(v, "v")
	if len(v) >= 7 && strings.Trim(v, "0123456789abcdef") == "" && strings.ContainsAny(v, "abcdef") {
		return "commit"
	}
	return words.ReplaceAllString(numbers.ReplaceAllString(v, "0"), "a")
}

var (
	numbers = regexp.MustCompile(`[0-9]+`)
	words   = regexp.MustCompile(`[A-Za-z]+`)
)
