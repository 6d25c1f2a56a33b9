package deploy

import (
	"github.com/tidemark/tidemark/annotate"
)

// LastGood returns the deploy whose version a rollback of undone goes back to: the
// newest of changes, which are deploys of the same target, newest start first,
// that began before undone, succeeded, brought another version, and was not itself
// taken back. ok is false where there is none.
//
// What a rollback brought back is good, also where that rollback is undone's own
// predecessor: it is the version that counts.
func LastGood(changes []annotate.Change, undone annotate.Change) (good annotate.Change, ok bool) {
	bad := map[string]bool{undone.Version: true}
	takenBack := map[string]bool{}
	for _, c := range changes {
		// One that failed says as much about what it was to take back.
		if c.Undoes != "" && Begun(c) {
			takenBack[c.Undoes] = true
		}
	}
	for _, c := range changes {
		if !c.Start.Before(undone.Start.Time) || c.ID == undone.ID || c.Status != annotate.Succeeded || c.Version == "" {
			continue
		}
		if takenBack[c.ID] {
			bad[c.Version] = true
		}
		if !bad[c.Version] {
			return c, true
		}
	}
	return annotate.Change{}, false
}

// Source is what the log has as the source of what Tidemark itself carries out.
const Source = "tidemark"

// Begun reports whether a deploy has begun, by its change. One that Tidemark cancelled while
// it waited knows of no version before it.
func Begun(c annotate.Change) bool {
	switch c.Status {
	case annotate.Planned:
		return false
	case annotate.Cancelled:
		return c.Source != Source || c.PreviousVersion != ""
	}
	return true
}

// Current returns the version that is deployed by changes, which are deploys of one
// target, newest start first; empty where none succeeded.
func Current(changes []annotate.Change) string {
	for _, c := range changes {
		if c.Status == annotate.Succeeded && c.Version != "" {
			return c.Version
		}
	}
	return ""
}
