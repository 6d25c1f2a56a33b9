package annotate

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The limits of a change. Whatever is past them is refused and not cut.
const (
	MaxKind     = 64
	MaxName     = 200 // source, service, environment, version, commit, flag key, who
	MaxTitle    = 300
	MaxText     = 16 << 10
	MaxLabels   = 50
	MaxValue    = 1000 // a label's value
	MaxLinks    = 20
	MaxHref     = 2000
	MaxExpect   = 20
	MaxEvidence = 100
	// MaxFlagValue is how long a flag's value may be as JSON.
	MaxFlagValue = 4 << 10
	// MaxAhead is how far ahead a change may be planned.
	MaxAhead = 366 * 24 * time.Hour
)

var (
	// earliest is the oldest start that a change may have.
	earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

	kindPattern  = regexp.MustCompile(`^[a-z][a-z0-9_.-]*$`)
	labelPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]*$`)
)

// Validate returns an Invalid error that names the first field of c that a log
// must not keep, and says what would be right. Times are judged against now.
func (c Change) Validate(now time.Time) error {
	for _, check := range []func() *Error{
		func() *Error { return c.validateKind() },
		func() *Error { return c.validateTexts() },
		func() *Error { return c.validateTimes(now) },
		func() *Error { return c.validateWho() },
		func() *Error { return c.validateLabels() },
		func() *Error { return c.validateFlag() },
		func() *Error { return c.validateLinks() },
		func() *Error { return c.validateExpect() },
		func() *Error { return c.validateEvidence() },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Change) validateKind() *Error {
	switch {
	case c.Kind == "":
		return invalid("kind", c.Kind, "is missing; say deploy, flag, config, incident, maintenance, drill, restart, or a word of your own")
	case len(c.Kind) > MaxKind || !kindPattern.MatchString(c.Kind):
		return invalid("kind", c.Kind, "must be one lower-case word of at most %d letters, digits, '_', '.' and '-'", MaxKind)
	case !slices.Contains(Statuses(), c.Status):
		return invalid("status", string(c.Status), "must be planned, running, succeeded, failed, cancelled or lost")
	case c.ExternalID != "" && c.Source == "":
		return invalid("source", nil, "is missing; an external_id counts only together with its source")
	}
	if c.Undoes != "" {
		if _, err := uuid.Parse(c.Undoes); err != nil {
			return invalid("undoes", c.Undoes, "must be the id of a change, a UUID")
		}
		if c.Undoes == c.ID {
			return invalid("undoes", c.Undoes, "a change cannot undo itself")
		}
	}
	return nil
}

func (c Change) validateTexts() *Error {
	lines := []struct {
		field, value string
		limit        int
	}{
		{"source", c.Source, MaxName},
		{"external_id", c.ExternalID, MaxName},
		{"title", c.Title, MaxTitle},
		{"service", c.Service, MaxName},
		{"environment", c.Environment, MaxName},
		{"version", c.Version, MaxName},
		{"previous_version", c.PreviousVersion, MaxName},
		{"commit", c.Commit, MaxName},
	}
	for _, l := range lines {
		if err := validateLine(l.field, l.value, l.limit); err != nil {
			return err
		}
	}
	for _, t := range []struct{ field, value string }{
		{"text", c.Text}, {"risk", c.Risk}, {"contingency", c.Contingency},
	} {
		if err := validateText(t.field, t.value, MaxText); err != nil {
			return err
		}
	}
	return nil
}

func (c Change) validateTimes(now time.Time) *Error {
	latest := now.Add(MaxAhead)
	for _, t := range []struct {
		field string
		value *Time
	}{{"start", &c.Start}, {"end", c.End}} {
		switch {
		case t.value == nil:
		case t.value.Before(earliest):
			return invalid(t.field, *t.value, "is before %s; is it in Unix seconds or milliseconds, or in RFC 3339?", earliest.Format(time.DateOnly))
		case t.value.After(latest):
			return invalid(t.field, *t.value, "is more than a year ahead; say a time before %s", latest.UTC().Format(time.DateOnly))
		}
	}
	switch {
	case c.End != nil && c.End.Before(c.Start.Time):
		return invalid("end", *c.End, "is before start (%s); an instant change has both equal", c.Start.Format(timeFormat))
	case c.Status.Ended() && c.End == nil:
		return invalid("end", nil, "is missing; a change that has %s has an end", c.Status)
	case c.Status == Cancelled && c.End.Equal(c.Start.Time):
		// Given up before it began: it keeps the time that it was planned for.
	case c.Status.Ended() && c.End.After(now.Add(MaxSkew)):
		return invalid("end", *c.End, "is still to come; a change that has %s has ended", c.Status)
	case c.Status == Running && c.End != nil && c.End.Before(now.Add(-MaxSkew)):
		return invalid("end", *c.End, "is in the past; a running change has no end yet: say how it ended with status")
	case c.Status == Running && c.Start.After(now.Add(MaxSkew)):
		return invalid("start", c.Start, "is still to come; a change that is yet to begin is planned")
	}
	return nil
}

// MaxSkew is how far a sender's clock may differ from the log's.
const MaxSkew = 10 * time.Minute

func (c Change) validateWho() *Error {
	if c.Who == nil {
		return nil
	}
	if c.Who.Name == "" {
		return invalid("who.name", "", "is empty; say a name, or leave out who")
	}
	if c.Who.Type != "" && c.Who.Type != "person" && c.Who.Type != "machine" {
		return invalid("who.type", c.Who.Type, "must be person or machine")
	}
	return validateLine("who.name", c.Who.Name, MaxName)
}

// IsLabelName reports whether a label of a change may be called name.
func IsLabelName(name string) bool { return len(name) <= MaxName && labelPattern.MatchString(name) }

func (c Change) validateLabels() *Error {
	if len(c.Labels) > MaxLabels {
		return invalid("labels", len(c.Labels), "has %d labels; at most %d are kept", len(c.Labels), MaxLabels)
	}
	for name, value := range c.Labels {
		if !IsLabelName(name) {
			return invalid("labels."+name, name, "is no label name; use letters, digits, '_', '.' and '-', beginning with a letter or '_', at most %d", MaxName)
		}
		if err := validateLine("labels."+name, value, MaxValue); err != nil {
			return err
		}
	}
	return nil
}

func (c Change) validateFlag() *Error {
	if c.Flag == nil {
		return nil
	}
	if c.Flag.Key == "" {
		return invalid("flag.key", "", "is missing; say which flag changed")
	}
	if err := validateLine("flag.key", c.Flag.Key, MaxName); err != nil {
		return err
	}
	for field, value := range map[string]any{"flag.from": c.Flag.From, "flag.to": c.Flag.To} {
		if size := jsonSize(value); size > MaxFlagValue {
			return invalid(field, nil, "is %d bytes of JSON; at most %d are kept", size, MaxFlagValue)
		}
	}
	return nil
}

func (c Change) validateLinks() *Error {
	if len(c.Links) > MaxLinks {
		return invalid("links", len(c.Links), "has %d links; at most %d are kept", len(c.Links), MaxLinks)
	}
	for i, link := range c.Links {
		field := fmt.Sprintf("links[%d]", i)
		u, err := url.Parse(link.Href)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(link.Href) > MaxHref {
			return invalid(field+".href", link.Href, "must be an absolute http or https URL of at most %d bytes", MaxHref)
		}
		if err := validateLine(field+".rel", link.Rel, MaxName); err != nil {
			return err
		}
		if err := validateLine(field+".title", link.Title, MaxTitle); err != nil {
			return err
		}
	}
	return nil
}

func (c Change) validateExpect() *Error {
	if len(c.Expect) > MaxExpect {
		return invalid("expect", len(c.Expect), "has %d expectations; at most %d are kept", len(c.Expect), MaxExpect)
	}
	for i, e := range c.Expect {
		field := fmt.Sprintf("expect[%d]", i)
		if e.Expr == "" {
			return invalid(field+".expr", "", "is missing; say which metric should move, in PromQL")
		}
		if e.Direction != "up" && e.Direction != "down" && e.Direction != "same" {
			return invalid(field+".direction", e.Direction, "must be up, down or same")
		}
		if e.Within != "" {
			if _, err := parseSpan(e.Within); err != nil {
				return invalid(field+".within", e.Within, "must be a duration such as 90s, 10m or 2h")
			}
		}
		for name, value := range map[string]string{".expr": e.Expr, ".note": e.Note} {
			if err := validateText(field+name, value, MaxText); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c Change) validateEvidence() *Error {
	if len(c.Evidence) > MaxEvidence {
		return invalid("evidence", len(c.Evidence), "has %d entries; at most %d are kept", len(c.Evidence), MaxEvidence)
	}
	for i, e := range c.Evidence {
		field := fmt.Sprintf("evidence[%d]", i)
		if err := validateLine(field+".source", e.Source, MaxName); err != nil {
			return err
		}
		if err := validateText(field+".text", e.Text, MaxText); err != nil {
			return err
		}
	}
	return nil
}

func jsonSize(value any) int {
	b, err := json.Marshal(value)
	if err != nil {
		return math.MaxInt
	}
	return len(b)
}

func validateText(field, value string, limit int) *Error {
	switch {
	case len(value) > limit:
		return invalid(field, len(value), "is %d bytes long; at most %d are kept", len(value), limit)
	case !utf8.ValidString(value):
		return invalid(field, nil, "is not valid UTF-8")
	case strings.ContainsRune(value, 0):
		return invalid(field, nil, "has a NUL character")
	}
	return nil
}

func validateLine(field, value string, limit int) *Error {
	if err := validateText(field, value, limit); err != nil {
		return err
	}
	if strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return invalid(field, value, "must be one line without control characters")
	}
	return nil
}
