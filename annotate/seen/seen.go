package seen

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Target is one process, as it is seen.
type Target struct {
	// Instance tells it from the others of its service.
	Instance string
	// Version is what it runs, and Commit what that was built of, where it says so.
	Version, Commit string
	// Since is when it was first seen to run that version, as far back as was looked.
	Since time.Time
	// Started is when the process began; zero where it does not say so.
	Started time.Time
}

// Place is where a service runs.
type Place struct{ Service, Environment string }

// State is what is known of a place. Its zero is of one that was never seen.
type State struct {
	// Since is when the place was first seen.
	Since time.Time `json:"since"`
	// Versions are those that run while nothing changes: one, but for a place that is
	// never all of one version.
	Versions []string `json:"versions,omitempty"`
	// Gone are those of them that no target runs now, and since when.
	Gone map[string]time.Time `json:"gone,omitempty"`
	// Rollout is under way; nil for none. Overtaken are the versions whose rollouts it
	// overtook, which some targets may still run.
	Rollout   *Rollout `json:"rollout,omitempty"`
	Overtaken []string `json:"overtaken,omitempty"`
	// Last is the rollout that ended last without all targets: it may come back.
	Last *Rollout `json:"last,omitempty"`
	// Started is the latest start of a process up to which restarts were told of.
	Started time.Time `json:"started,omitzero"`
}

// Rollout is a version on its way to the targets.
type Rollout struct {
	ID       string `json:"id"` // the external_id of its change
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Previous string `json:"previous,omitempty"`
	// First and Last are when the first and the last target yet was seen to run it.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Done of Total targets run it.
	Done  int `json:"done"`
	Total int `json:"total"`
	// Lost says that it stopped half way. It may go on.
	Lost bool `json:"lost,omitempty"`
	// Ended is when it was taken back, and Ends how often.
	Ended time.Time `json:"ended,omitzero"`
	Ends  int       `json:"ends,omitempty"`
}

// Grace is how long a target that is gone still counts as it was: it may be starting anew.
const Grace = 2 * time.Minute

const (
	// settledAfter is how long nothing more must change until a rollout is over in a place
	// that is never all of one version.
	settledAfter = 15 * time.Minute
	// lostAfter is how long nothing more must change until a rollout that stopped half way
	// counts as lost, until it goes on.
	lostAfter = 24 * time.Hour
	// maxVersions is how many versions a place may run; of one that runs more nothing is
	// told, for it is no one service.
	maxVersions = 500
	// forgetAfter is how long a version must be gone to be new when it comes again.
	forgetAfter = 6 * time.Hour
	// sameWithin is how soon a rollout that was taken back may come again to be the same,
	// and maxEnds how often that is told: a process that falls over again and again is one
	// rollout.
	sameWithin = time.Hour
	maxEnds    = 5
	// restartWithin is how far apart the starts of the processes of a place may be that
	// are one restart.
	restartWithin = time.Hour
)

// Next returns what is known of the place p once targets were seen to run there at now,
// and what there is to report of it: nothing most of the time. Whoever keeps the state
// keeps it together with the reports.
func (s State) Next(p Place, targets []Target, now time.Time) (State, []annotate.Report) {
	if len(targets) == 0 {
		return s, nil
	}
	counts := map[string]int{}
	var versioned []Target
	for _, t := range targets {
		if t.Version != "" {
			counts[t.Version]++
			versioned = append(versioned, t)
		}
	}
	if len(counts) > maxVersions {
		return s, nil
	}
	if s.Since.IsZero() { // never seen before: whatever runs was not deployed just now
		s.Since, s.Versions, s.Started = now.UTC(), versionsOf(counts), newest(targets, started)
		return s, nil
	}
	w := watch{place: p, state: s, targets: versioned, counts: counts, now: now.UTC()}
	switch {
	case len(versioned) == 0:
	case len(s.Versions) == 0: // they began to say it
		w.state.Versions = versionsOf(counts)
	default:
		w.rollout()
	}
	w.targets = targets
	w.restart()
	return w.state, w.reports
}

// versionsOf are the versions that run, the one that most targets run first.
func versionsOf(counts map[string]int) []string {
	versions := slices.Collect(maps.Keys(counts))
	slices.SortFunc(versions, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	return versions
}

func started(t Target) time.Time { return t.Started }

// watch is one look at a place.
type watch struct {
	place   Place
	state   State
	targets []Target
	counts  map[string]int
	now     time.Time
	reports []annotate.Report
}

// rollout begins, moves on and ends rollouts.
func (w *watch) rollout() {
	coming := w.coming()
	r := w.state.Rollout
	switch {
	case coming != "" && r == nil:
		w.begin(coming)
	case coming != "" && coming != r.Version:
		w.end(annotate.Cancelled, w.now, fmt.Sprintf("%s came when %d of %d targets ran it", coming, r.Done, r.Total))
		w.state.Overtaken = append(w.state.Overtaken, r.Version)
		w.begin(coming)
	case r == nil:
		w.forget()
		return
	}
	w.move()
}

// coming is the version that runs and did not: the one that came last, of several; empty
// for none.
func (w *watch) coming() string {
	var version string
	var since time.Time
	for _, t := range w.targets {
		known := slices.Contains(w.state.Versions, t.Version) || slices.Contains(w.state.Overtaken, t.Version)
		if r := w.state.Rollout; r != nil && t.Version != r.Version && !t.Since.After(r.Last) {
			known = true // it was there before: the rollout under way came after it
		}
		if !known && (t.Since.After(since) || t.Since.Equal(since) && t.Version > version) {
			version, since = t.Version, t.Since
		}
	}
	return version
}

// forget lets go of versions that no target runs for a long time, so that they are new when
// they come again. Those that are gone for a moment are not.
func (w *watch) forget() {
	var still []string
	gone := map[string]time.Time{}
	for _, version := range w.state.Versions {
		since, known := w.state.Gone[version]
		switch {
		case w.counts[version] > 0:
			still = append(still, version)
		case !known:
			still, gone[version] = append(still, version), w.now
		case w.now.Sub(since) < forgetAfter:
			still, gone[version] = append(still, version), since
		}
	}
	if len(gone) == 0 {
		gone = nil
	}
	w.state.Gone = gone
	if len(still) > 0 {
		w.state.Versions = still
	}
}

func (w *watch) begin(version string) {
	if last := w.state.Last; last != nil && last.Version == version && w.now.Sub(last.Ended) < sameWithin {
		w.state.Rollout, w.state.Last = last, nil
		return
	}
	w.state.Last = nil
	r := Rollout{Version: version, Previous: w.state.Versions[0]}
	for _, t := range w.targets {
		if t.Version == version && (r.First.IsZero() || t.Since.Before(r.First)) {
			r.First, r.Commit = t.Since, t.Commit
		}
	}
	r.ID = identity(w.place, version, r.First)
	w.state.Rollout = &r
}

// move says how far the rollout is, and ends it where it is over.
func (w *watch) move() {
	r := *w.state.Rollout
	last := newest(w.targets, func(t Target) time.Time {
		if t.Version == r.Version {
			return t.Since
		}
		return time.Time{}
	})
	if last.After(r.Last) {
		r.Last = last
	}
	before := r
	r.Done, r.Total = w.counts[r.Version], len(w.targets)
	w.state.Rollout = &r
	mixed := len(w.state.Versions) > 1
	switch {
	case r.Done == 0:
		w.end(annotate.Cancelled, w.now, fmt.Sprintf("%d of %d targets ran it, and none does any more", before.Done, before.Total))
	case r.Done == r.Total:
		at := r.Last
		if before.Total > 0 && r.Last.Equal(before.Last) {
			at = latest(r.Last, w.now.Add(-Grace)) // none came to it: the last that did not run it went away
		}
		w.end(annotate.Succeeded, at, allTargets(r.Total))
	case mixed && w.now.Sub(r.Last) >= settledAfter:
		w.end(annotate.Succeeded, r.Last, fmt.Sprintf("%d of %d targets run it, and no more came to it", r.Done, r.Total))
	case !r.Lost && w.now.Sub(r.Last) >= lostAfter:
		r.Lost = true
		w.tell(annotate.Lost, r.Last, fmt.Sprintf("%d of %d targets run it, and no more came to it", r.Done, r.Total))
	case before.Ends >= maxEnds:
	case before.Total == 0: // it began just now
		w.tell(annotate.Running, r.First, fmt.Sprintf("%s run it", ofTargets(r)))
	case quarter(r) != quarter(before):
		w.tell(annotate.Running, r.Last, fmt.Sprintf("%s run it", ofTargets(r)))
	}
}

func ofTargets(r Rollout) string { return fmt.Sprintf("%d of %d targets", r.Done, r.Total) }

// quarter is how far a rollout is, in steps that are worth a line.
func quarter(r Rollout) int { return 4 * r.Done / r.Total }

// end tells that the rollout is over.
func (w *watch) end(status annotate.Status, at time.Time, text string) {
	r := w.state.Rollout
	if at.Before(r.First) {
		at = r.First
	}
	if r.Ends < maxEnds || status == annotate.Succeeded {
		w.tell(status, at, text)
	}
	w.state.Rollout = nil
	if status == annotate.Succeeded {
		w.state.Versions, w.state.Gone, w.state.Overtaken, w.state.Last = versionsOf(w.counts), nil, nil, nil
		w.state.Started = latest(w.state.Started, newest(w.targets, started))
		return
	}
	last := *r
	last.Ended, last.Ends = w.now, r.Ends+1
	w.state.Last = &last
}

// tell reports how it stands with the rollout at a time.
func (w *watch) tell(status annotate.Status, at time.Time, text string) {
	r := w.state.Rollout
	report := annotate.Report{
		Source: annotate.SourceSeen, ExternalID: r.ID, At: annotate.At(at), Kind: annotate.KindDeploy, Status: status, Start: annotate.At(r.First),
		Service: w.place.Service, Environment: w.place.Environment, Version: r.Version, PreviousVersion: r.Previous, Commit: r.Commit,
		Labels:   map[string]string{annotate.LabelSeen: "true", annotate.LabelTold: "false", annotate.LabelRollout: fmt.Sprintf("%d/%d", r.Done, r.Total)},
		Evidence: []annotate.Evidence{{Source: annotate.SourceSeen, Time: annotate.At(at), Text: text}},
	}
	if status.Ended() {
		report.End = annotate.At(at)
	}
	w.reports = append(w.reports, report)
}

// restart tells of a restart: all processes began anew, and no version came with it.
func (w *watch) restart() {
	last := newest(w.targets, started)
	if last.IsZero() || !last.After(w.state.Started) {
		return
	}
	if w.state.Rollout != nil || len(w.reports) > 0 { // that is why they began anew
		w.state.Started = last
		return
	}
	first := last
	for _, t := range w.targets {
		if !t.Started.After(w.state.Started) {
			return // it went on, or says nothing
		}
		if t.Started.Before(first) {
			first = t.Started
		}
	}
	if last.Sub(first) > restartWithin {
		w.state.Started = last
		return // they came and went one by one
	}
	w.state.Started = last
	text := fmt.Sprintf("all %d processes began anew", len(w.targets))
	if len(w.targets) == 1 {
		text = "its one process began anew"
	}
	w.reports = append(w.reports, annotate.Report{
		Source: annotate.SourceSeen, ExternalID: identity(w.place, "restart", first),
		At: annotate.At(last), Kind: annotate.KindRestart, Status: annotate.Succeeded, Start: annotate.At(first), End: annotate.At(last),
		Service: w.place.Service, Environment: w.place.Environment, Version: w.targets[0].Version,
		Labels:   map[string]string{annotate.LabelSeen: "true"},
		Evidence: []annotate.Evidence{{Source: annotate.SourceSeen, Time: annotate.At(last), Text: text}},
	})
}

// identity names what was seen of a place, as an external_id.
func identity(p Place, what string, at time.Time) string {
	id := strings.Join([]string{p.Service, p.Environment, what, strconv.FormatInt(at.UnixMilli(), 10)}, "/")
	if len(id) <= annotate.MaxName {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func newest(targets []Target, of func(Target) time.Time) (last time.Time) {
	for _, t := range targets {
		if at := of(t); at.After(last) {
			last = at
		}
	}
	return last
}

func allTargets(n int) string {
	if n == 1 {
		return "its one target runs it"
	}
	return fmt.Sprintf("all %d targets run it", n)
}
