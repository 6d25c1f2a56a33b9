package flag

import (
	"fmt"
	"math"
	"time"
)

// The codes of a Finding.
const (
	// FindingExpired is a flag whose metadata.expires has passed.
	FindingExpired = "expired"
	// FindingSettled is a flag that has given one variation to everyone for weeks.
	FindingSettled = "settled"
	// FindingOff is a flag that has been disabled for weeks.
	FindingOff = "off"
	// FindingUnused is a flag that nobody has asked for in weeks.
	FindingUnused = "unused"
	// FindingWeights is a flag whose percentages do not add up to 100.
	FindingWeights = "weights"
	// FindingUnowned is a flag whose metadata names no owner.
	FindingUnowned = "unowned"
)

// StaleAfter is how long a flag may stay at one variation, disabled, or without a question.
const StaleAfter = 28 * 24 * time.Hour

// Finding is something about a flag that somebody should look at.
type Finding struct {
	Key         string `json:"key"`
	Environment string `json:"environment"`
	Code        string `json:"code" enum:"expired,settled,off,unused,weights,unowned" doc:"What kind of finding it is"`
	Message     string `json:"message" doc:"What is found, and what to do"`
}

// History is what is known of a flag beside its definition. A time that is zero is not known.
type History struct {
	// Settled is since when its shares have been what they are.
	Settled time.Time
	// Evaluated is when it was last asked for; the zero time for not once since Counted.
	Evaluated time.Time
	// Counted is since when its evaluations are counted.
	Counted time.Time
}

// Lint returns what is to be said about a flag at now. A flag that is permanent
// is never stale.
func Lint(f Flag, h History, now time.Time) []Finding {
	l := linter{flag: f, now: now}
	meta := MetadataOf(f.Definition)
	if !meta.Permanent {
		l.expiry(meta)
		l.settled(h)
		l.unused(h)
	}
	l.weights()
	if meta.Owner == "" {
		l.found(FindingUnowned, "names no owner; say who can help in metadata.owner")
	}
	return l.findings
}

type linter struct {
	flag     Flag
	now      time.Time
	findings []Finding
}

func (l *linter) found(code, format string, args ...any) {
	l.findings = append(l.findings, Finding{
		Key: l.flag.Key, Environment: l.flag.Environment,
		Code: code, Message: fmt.Sprintf(format, args...),
	})
}

func (l *linter) expiry(meta Metadata) {
	if !meta.Expires.IsZero() && !l.now.Before(meta.Expires) {
		l.found(FindingExpired, "expired %s; take it out of the code and delete it, or say a later metadata.expires", days(l.now.Sub(meta.Expires)))
	}
}

// settled finds flags whose answer has long been one and the same. A targeting
// rule is a reason to keep a flag, and so is a move that is still to come.
func (l *linter) settled(h History) {
	if h.Settled.IsZero() || l.now.Sub(h.Settled) < StaleAfter {
		return
	}
	if _, more := l.flag.NextChange(l.now); more {
		return
	}
	shares := l.flag.Shares(l.now)
	if shares[CodeDefault] == 100 {
		l.found(FindingOff, "was disabled %s; delete it, or put metadata.permanent where it is meant to wait", days(l.now.Sub(h.Settled)))
		return
	}
	resolved, _, err := resolve(l.flag.Definition, nil, l.now)
	if err != nil {
		return
	}
	for _, rule := range resolved.GetRules() {
		if !rule.IsDisable() {
			return
		}
	}
	for variation, share := range shares {
		if share == 100 {
			l.found(FindingSettled, "has given %q to everyone since %s; make that the code's own way, and delete the flag",
				variation, h.Settled.UTC().Format(time.DateOnly))
		}
	}
}

func (l *linter) unused(h History) {
	switch {
	case h.Counted.IsZero():
	case h.Evaluated.IsZero() && l.now.Sub(h.Counted) >= StaleAfter:
		l.found(FindingUnused, "was not asked for once since %s; is it still in the code?", h.Counted.UTC().Format(time.DateOnly))
	case !h.Evaluated.IsZero() && l.now.Sub(h.Evaluated) >= StaleAfter:
		l.found(FindingUnused, "was last asked for %s; is it still in the code?", days(l.now.Sub(h.Evaluated)))
	}
}

func (l *linter) weights() {
	f := internal(l.flag.Definition)
	check := func(at string, percentages map[string]float64) {
		sum := 0.0
		for _, value := range percentages {
			sum += value
		}
		if len(percentages) > 0 && math.Abs(sum-100) > 1e-6 {
			l.found(FindingWeights, "has percentages in %s that add up to %v and count as weights; make it 100", at, thousandth(sum))
		}
	}
	if f.DefaultRule != nil {
		check("defaultRule", f.DefaultRule.GetPercentages())
	}
	for i := range f.GetRules() {
		check(fmt.Sprintf("targeting[%d]", i), f.GetRules()[i].GetPercentages())
	}
}

// days says how long ago something was.
func days(ago time.Duration) string {
	switch n := int(ago / (24 * time.Hour)); n {
	case 0:
		return "today"
	case 1:
		return "yesterday"
	default:
		return fmt.Sprintf("%d days ago", n)
	}
}
