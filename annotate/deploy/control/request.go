package control

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

const (
	// source is what the log has as the source of all that the controls record.
	source = deploy.Source
	// KindHold is the kind of the change that a hold is.
	KindHold = "hold"
	// KindDeploy is that of a deploy, whoever carries it out.
	KindDeploy = "deploy"
	// MaxReason is how long a reason may be, in bytes.
	MaxReason = 8 << 10
)

// Author is who asks for something, and why.
type Author struct {
	// By is how the caller is known: the token's name.
	By string
	// Who asks where that is somebody else; nil for By.
	Who *annotate.Who
	// Reason is why, for the reader of the log.
	Reason string
}

func (a Author) owner() annotate.Who {
	if a.Who != nil {
		return *a.Who
	}
	return annotate.Who{Name: a.By}
}

func (a Author) name() string { return a.owner().Name }

func (a Author) check() error {
	if len(a.Reason) > MaxReason {
		return invalid("reason", len(a.Reason), "is %d bytes long; at most %d are kept", len(a.Reason), MaxReason)
	}
	return nil
}

// HoldRequest asks for a hold.
type HoldRequest struct {
	Author
	// Service and Environment are what to hold; empty for all.
	Service, Environment string
	// Until is when it ends by itself, within deploy.MaxHold from now.
	Until time.Time
}

func (r HoldRequest) check(now time.Time) error {
	if err := r.Author.check(); err != nil {
		return err
	}
	for _, name := range []struct{ field, value string }{{"service", r.Service}, {"environment", r.Environment}} {
		switch {
		case name.value != strings.TrimSpace(name.value):
			return invalid(name.field, name.value, "has a space at its beginning or end, and would hold nothing")
		case strings.IndexFunc(name.value, unicode.IsControl) >= 0:
			return invalid(name.field, strings.ToValidUTF8(name.value, "?"), "has a control character in it, and would hold nothing")
		}
	}
	switch {
	case strings.TrimSpace(r.Reason) == "":
		return invalid("reason", nil, "is missing; whoever is stopped by the hold will want to know why")
	case r.Until.IsZero():
		return invalid("until", nil, "is missing; say when the hold ends by itself, or in for how long it lasts")
	case !r.Until.After(now):
		return invalid("until", r.Until, "is over already; it must be a time to come")
	case r.Until.After(now.Add(deploy.MaxHold)):
		return invalid("until", r.Until, "is more than %d days ahead, the most that a hold lasts; hold it again then", deploy.MaxHold/(24*time.Hour))
	}
	return nil
}

// opened is the line of a hold that begins.
func (k keptHold) opened() annotate.Report {
	owner, title := k.Owner, k.What()+" held"
	if len(title) > annotate.MaxTitle { // two long names; the change has both
		title = "deploys held"
	}
	return annotate.Report{
		Source: source, ExternalID: k.ExternalID, Kind: KindHold, Status: annotate.Running, Start: k.Since,
		Title: title, Text: k.Reason + "\nUntil " + k.Until.UTC().Format("2006-01-02 15:04:05 MST") + " at the latest.",
		Who: &owner, Service: k.Service, Environment: k.Environment,
	}
}

// ended is the line of one that ended.
func (k keptHold) ended(at annotate.Time, text string) annotate.Report {
	return annotate.Report{
		Source: source, ExternalID: k.ExternalID, Kind: KindHold, Status: annotate.Succeeded, End: at,
		Evidence: []annotate.Evidence{{Source: source, Time: at, Text: text}},
	}
}

func invalid(field string, value any, format string, args ...any) *annotate.Error {
	return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}
