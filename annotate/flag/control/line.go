package control

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// source is what the log has as the source of all that the controls record.
const source = "tidemark"

// externalID is the name, unique among what the controls record, of something that
// is to be in the log once: "flag/production/new-checkout/ID/STEP".
func externalID(id ID, parts ...string) string {
	name := "flag/" + id.document() + "/" + strings.Join(parts, "/")
	if len(name) <= annotate.MaxName {
		return name
	}
	sum := sha256.Sum256([]byte(id.document()))
	return "flag/" + hex.EncodeToString(sum[:16]) + "/" + strings.Join(parts, "/")
}

// report returns the line of a step: what the step says itself, with all else.
func (s subject) report(st step) annotate.Report {
	r := st.line
	if st.bare {
		return r
	}
	r.Source, r.Kind = source, annotate.KindFlag
	r.Environment = s.id.Environment
	r.Service = flag.MetadataOf(st.Flag.Definition).Service
	r.Text = paragraphs(s.by.Reason, st.text, ended(st.Ended), strings.Join(st.Notes, " "))
	r.Undoes = or(s.by.Undoes, r.Undoes)
	switch {
	case st.known:
	case s.by.Who != nil:
		r.Who = s.by.Who
	case s.by.By != "":
		r.Who = &annotate.Who{Name: s.by.By}
	}
	if st.Flag.Origin != nil && !st.deleted {
		r.Commit = st.Flag.Origin.Commit
	}
	r.Title = oneLine(r.Title)
	if st.silent {
		r.Flag = &annotate.FlagChange{Key: s.id.Key}
		return r
	}
	r.Flag = logChange(s.id.Key, st.Before, st.After)
	switch {
	case !s.there:
		r.Flag.From = nil
		r.Title = or(r.Title, s.id.Key+" created")
	case st.deleted:
		r.Flag.To = nil
		r.Title = oneLine(st.title)
	case sameValue(r.Flag.From, r.Flag.To) && r.Title == "":
		r.Title = oneLine(st.title)
	}
	return r
}

// ended tells of a ramp that something put an end to; nothing for none.
func ended(r *flag.Ramp) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("Its ramp of %s to %v %% ended, after step %d of %d.", r.Variation, r.To, r.Done, r.Steps)
}

// logChange is flag.LogChange within what a change may hold: no number of
// variations keeps a flag from being changed.
func logChange(key string, from, to flag.Shares) *annotate.FlagChange {
	c := flag.LogChange(key, from, to)
	for _, side := range []struct {
		value  *any
		shares flag.Shares
	}{{&c.From, from}, {&c.To, to}} {
		if body, err := json.Marshal(*side.value); err != nil || len(body) > annotate.MaxFlagValue {
			*side.value = fmt.Sprintf("shares of %d variations", len(side.shares))
		}
	}
	return c
}

// oneLine returns text as a title may be: names of variations can have anything in them.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > annotate.MaxTitle {
		text = strings.ToValidUTF8(text[:annotate.MaxTitle-len("…")], "") + "…"
	}
	return text
}

// cancelled is the line of what was planned and will not be done.
func cancelled(id ID, s flag.Scheduled, by Author, now time.Time) annotate.Report {
	return annotate.Report{
		Source: source, Kind: annotate.KindFlag, ExternalID: externalID(id, s.ID), Status: annotate.Cancelled,
		Start: annotate.At(now), End: annotate.At(now), // what has ended is not to come
		Evidence: []annotate.Evidence{{Source: source, Time: annotate.At(now), Text: paragraphs(
			"Was planned for "+stamp(s.At.Time)+", and cancelled by "+by.By+".", by.Reason)}},
	}
}

// paragraphs joins texts, without the empty ones, and within what a change may have.
func paragraphs(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
	if b.Len() > annotate.MaxText {
		return strings.ToValidUTF8(b.String()[:annotate.MaxText-len("…")], "") + "…"
	}
	return b.String()
}

func sameValue(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
