package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
)

// externalID is a sender's identity for a change, made of what identifies it there. It is
// as long as it may be, and told from others where it would be longer.
func externalID(parts ...string) string {
	id := strings.Join(parts, "/")
	if len(id) <= annotate.MaxName && strings.IndexFunc(id, unicode.IsControl) < 0 && utf8.ValidString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return Line(id, 100) + "#" + hex.EncodeToString(sum[:16])
}

// versionOf is the version that a ref of Git and its commit stand for: a tag that looks
// like one, and otherwise the short commit, since a branch says nothing of what is in it.
func versionOf(ref, commit string) string {
	ref = strings.TrimPrefix(ref, "refs/tags/")
	if versionLike.MatchString(ref) && !strings.HasPrefix(commit, ref) {
		return ref
	}
	if len(commit) >= 40 {
		return commit[:7]
	}
	return commit
}

// versionLike matches 1.2.3, v43, web-1.2.3-rc.1 and web/v2, and not main or fix-12.
var versionLike = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9-]*[-_@/])?(v?[0-9]+(\.[0-9]+)+|v[0-9]+)([-+._][0-9A-Za-z]+)*$`)

// fit cuts what is longer than a change may be, and leaves out what it cannot have.
func fit(r *annotate.Report) {
	for _, field := range []*string{&r.Service, &r.Environment, &r.Version, &r.PreviousVersion, &r.Commit} {
		*field = Line(*field, annotate.MaxName)
	}
	r.Title = Line(r.Title, annotate.MaxTitle)
	for _, field := range []*string{&r.Text, &r.Risk, &r.Contingency} {
		*field = Clip(text(*field), annotate.MaxText)
	}
	if r.Who != nil {
		if r.Who.Name = Line(r.Who.Name, annotate.MaxName); r.Who.Name == "" {
			r.Who = nil
		}
	}
	if r.Flag != nil {
		flag := annotate.FlagChange{Key: Line(r.Flag.Key, annotate.MaxName), From: flagValue(r.Flag.From), To: flagValue(r.Flag.To)}
		if r.Flag = &flag; flag.Key == "" {
			r.Flag = nil
		}
	}
	labels := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if value := Line(r.Labels[name], annotate.MaxValue); value != "" && annotate.IsLabelName(name) && len(labels) < annotate.MaxLabels {
			labels[name] = value
		}
	}
	r.Labels = labels
	var links []annotate.Link
	for _, l := range r.Links {
		if good := link(Line(l.Rel, annotate.MaxName), l.Href); good != nil && len(links) < annotate.MaxLinks {
			good[0].Title = Line(l.Title, annotate.MaxTitle)
			links = append(links, good...)
		}
	}
	r.Links = links
	for i := range r.Evidence {
		r.Evidence[i].Source = Line(r.Evidence[i].Source, annotate.MaxName)
		r.Evidence[i].Text = Clip(text(r.Evidence[i].Text), maxEvidence)
	}
}

// maxEvidence is how much is kept of what a sender said at one time, in bytes: a change
// has room for a hundred.
const maxEvidence = 1000

// Line is a text as one line of at most most bytes.
func Line(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text(s))
	return Clip(strings.TrimSpace(s), most)
}

// text is a text without what no text has.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// Clip cuts a text that is longer than most bytes.
func Clip(s string, most int) string {
	const more = "…"
	if len(s) <= most {
		return s
	}
	s = s[:most-len(more)]
	for len(s) > 0 && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) {
		s = s[:len(s)-1]
	}
	return s + more
}
