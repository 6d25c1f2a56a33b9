package annotate

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// SourceSeen is the source of what was seen on the targets, and not told by anybody.
const SourceSeen = "seen"

// The labels of deploys by which it can be asked what was told, and what was seen.
const (
	// LabelSeen is "true" for a deploy that was seen to run, and "false" for one that
	// should have been seen and was not.
	LabelSeen = "seen"
	// LabelTold is "false" for a deploy that was seen and that nobody told of, and "true"
	// for one that was both.
	LabelTold = "told"
	// LabelRollout is how far a rollout is: how many of how many targets or pods, as 7/10.
	LabelRollout = "rollout"
)

// identity is a sender's own name for a change.
type identity struct{ source, externalID string }

// Fold returns the change that all makes, which Arrange has put in order: what each source
// says makes one as if it had come when it was said, and the changes that this makes are
// put together, in the order in which the sources first spoke. It is one that a log can
// keep, as far as each could be kept, but for the log's own account of it.
//
// Where sources disagree, the change began with the first and ends with the last of them,
// and has failed where one says so. What was only seen does not say when a deploy that was
// told began and ended, but is evidence of it.
func Fold(all []Said) Change {
	var told, seen []Change
	for _, one := range bySource(all) {
		if c := fold(one); c.Source == SourceSeen {
			seen = append(seen, c)
		} else {
			told = append(told, c)
		}
	}
	if len(told) == 0 {
		return together(seen)
	}
	c := together(told)
	for _, s := range seen {
		c.fill(s)
	}
	if len(seen) > 0 {
		setLabel(&c, LabelTold, "true")
		for name, value := range together(seen).Labels {
			if name != LabelTold {
				setLabel(&c, name, value) // it knows better how far the rollout is
			}
		}
	}
	c.sortEvidence()
	return c
}

func setLabel(c *Change, name, value string) {
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.Labels[name] = value
}

// bySource parts what was said by who said it, in the order in which they first spoke.
func bySource(all []Said) [][]Said {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Said) int {
		return cmp.Or(a.compare(b), strings.Compare(a.Source, b.Source), strings.Compare(a.ExternalID, b.ExternalID))
	})
	var parts [][]Said
	at := map[identity]int{}
	for _, s := range all {
		key := identity{s.Source, s.ExternalID}
		i, known := at[key]
		if !known {
			i, at[key] = len(parts), len(parts)
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], s)
	}
	return parts
}

// together makes one change of those that several sources tell of.
func together(changes []Change) Change {
	if len(changes) == 0 {
		return Change{}
	}
	c := changes[0].Clone()
	for _, other := range changes[1:] {
		c.fill(other)
		c.span(other)
	}
	return c
}

// fill takes over what c does not have.
func (c *Change) fill(other Change) {
	set := func(field *string, other string) {
		if *field == "" {
			*field = other
		}
	}
	set(&c.Title, other.Title)
	set(&c.Text, other.Text)
	set(&c.Service, other.Service)
	set(&c.Environment, other.Environment)
	if other.Version != "" && sameCommit(c.Version, cmp.Or(c.Commit, other.Commit)) && !sameCommit(other.Version, other.Version) {
		c.Version = other.Version // which is what people call it
	}
	set(&c.Version, other.Version)
	set(&c.PreviousVersion, other.PreviousVersion)
	set(&c.Risk, other.Risk)
	set(&c.Contingency, other.Contingency)
	set(&c.Undoes, other.Undoes)
	if len(other.Commit) > len(c.Commit) { // the whole of it
		c.Commit = other.Commit
	}
	if other.Who != nil && (c.Who == nil || c.Who.Type == "machine" && other.Who.Type == "person") {
		who := *other.Who
		c.Who = &who // the one who can help
	}
	if c.Flag == nil {
		c.Flag = other.Flag
	}
	if len(c.Expect) == 0 {
		c.Expect = slices.Clone(other.Expect)
	}
	for name, value := range other.Labels {
		if _, there := c.Labels[name]; !there && len(c.Labels) < MaxLabels {
			setLabel(c, name, value)
		}
	}
	for _, link := range other.Links {
		if len(c.Links) < MaxLinks && !slices.ContainsFunc(c.Links, func(l Link) bool { return l.Href == link.Href }) {
			c.Links = append(c.Links, link)
		}
	}
	for _, e := range other.Evidence {
		if len(c.Evidence) < MaxEvidence && !slices.Contains(c.Evidence, e) {
			c.Evidence = append(c.Evidence, e)
		}
	}
}

// span makes c last as long as both, and end as both.
func (c *Change) span(other Change) {
	if other.Start.Before(c.Start.Time) {
		c.Start = other.Start
	}
	if weight(other.Status) > weight(c.Status) {
		c.Status = other.Status
	}
	switch {
	case !c.Status.Ended():
		c.End = nil
	case other.End != nil && (c.End == nil || other.End.After(c.End.Time)):
		end := *other.End
		c.End = &end
	}
}

// weight orders the statuses by which of two sources' counts: while one goes on, the
// change does.
func weight(s Status) int {
	return slices.Index([]Status{Planned, Lost, Cancelled, Succeeded, Failed, Running}, s)
}

// sortEvidence puts the evidence in the order of its times.
func (c *Change) sortEvidence() {
	slices.SortStableFunc(c.Evidence, func(a, b Evidence) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), strings.Compare(a.Source, b.Source), strings.Compare(a.Text, b.Text))
	})
}

// SameDeploy reports whether two changes that different sources tell of are one deploy: of
// the same service in the same environment, of the same version or commit, and not further
// apart in time than within. What was only seen may not say where.
func SameDeploy(a, b Change, within time.Duration) bool {
	if a.Kind != KindDeploy || b.Kind != KindDeploy || a.Service == "" || a.Service != b.Service {
		return false
	}
	if a.Environment != b.Environment {
		onlySeen := a.Source == SourceSeen && a.Environment == "" || b.Source == SourceSeen && b.Environment == ""
		untold := (a.Source == SourceSeen || b.Source == SourceSeen) && (a.Environment == "" || b.Environment == "")
		if !onlySeen && !untold {
			return false
		}
	}
	return SameVersion(a, b) && !apart(a, b, within) && !apart(b, a, within)
}

// apart reports whether a ended more than within before b began.
func apart(a, b Change, within time.Duration) bool {
	return a.End != nil && b.Start.Sub(a.End.Time) > within
}

// SameVersion reports whether two changes bring the same: v1.2 and 1.2 are, and so are a
// commit and the beginning of it.
func SameVersion(a, b Change) bool {
	if v := plainVersion(a.Version); v != "" && v == plainVersion(b.Version) {
		return true
	}
	for _, x := range []string{a.Commit, asCommit(a.Version)} {
		for _, y := range []string{b.Commit, asCommit(b.Version)} {
			if sameCommit(x, y) {
				return true
			}
		}
	}
	return false
}

// plainVersion is a version without the v that some write before its number.
func plainVersion(v string) string {
	if rest, ok := strings.CutPrefix(v, "v"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return rest
	}
	return v
}

// VersionKeys are what two changes have in common that bring the same, as far as that can be
// looked up: the version without its v, and the beginning of the commit.
func VersionKeys(c Change) []string {
	var keys []string
	add := func(key string) {
		if key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	add(plainVersion(c.Version))
	for _, commit := range []string{c.Commit, asCommit(c.Version)} {
		if sameCommit(commit, commit) {
			add(strings.ToLower(commit[:minCommit]))
		}
	}
	return keys
}

// asCommit is a version where it may be a commit: a number, such as a date, is none.
func asCommit(version string) string {
	if !strings.ContainsAny(strings.ToLower(version), "abcdef") {
		return ""
	}
	return version
}

// minCommit is how short the beginning of a commit may be, as Git writes it.
const minCommit = 7

func sameCommit(x, y string) bool {
	x, y = strings.ToLower(x), strings.ToLower(y)
	if min(len(x), len(y)) < minCommit || strings.Trim(x+y, "0123456789abcdef") != "" {
		return false
	}
	return strings.HasPrefix(x, y) || strings.HasPrefix(y, x)
}

// AsReport is what would make c, as its source could have told it.
func (c Change) AsReport() Report {
	r := Report{
		Source: c.Source, ExternalID: c.ExternalID, At: c.Recorded,
		Kind: c.Kind, Title: c.Title, Text: c.Text, Start: c.Start, Status: c.Status, Who: c.Who,
		Service: c.Service, Environment: c.Environment, Labels: c.Labels,
		Version: c.Version, PreviousVersion: c.PreviousVersion, Commit: c.Commit, Flag: c.Flag,
		Links: c.Links, Expect: c.Expect, Risk: c.Risk, Contingency: c.Contingency, Undoes: c.Undoes, Evidence: c.Evidence,
	}
	if c.End != nil {
		r.End = *c.End
	}
	return r
}
