package annotate

import "time"

// Patch is a correction: like an RFC 7396 merge patch, what Set says replaces
// what was there, and what Clear names is taken away. Unlike a Report it may
// also move a change back, such as reopen one that was closed by mistake.
type Patch struct {
	Set Report
	// Clear holds the JSON names of the fields to empty.
	Clear []string
	// Revision is the one that it corrects, which must be the newest; 0 for whichever
	// that is.
	Revision int
}

// Apply returns c as it stands once p was made at now; c itself stays as it is.
// It returns an Invalid error for a field that cannot be changed or emptied, and a
// Conflict where c is of another revision than the patch is for.
func (p Patch) Apply(c Change, now time.Time) (Change, error) {
	if p.Revision != 0 && p.Revision != c.Revision {
		return Change{}, &Error{Code: Conflict, Message: "the change was altered meanwhile; read it again"}
	}
	if p.Set.Source != "" && p.Set.Source != c.Source {
		return Change{}, invalid("source", p.Set.Source, "the sender's identity of a change cannot be changed; leave it out")
	}
	if p.Set.ExternalID != "" && p.Set.ExternalID != c.ExternalID {
		return Change{}, invalid("external_id", p.Set.ExternalID, "the sender's identity of a change cannot be changed; leave it out")
	}
	c = c.Clone()
	p.Set.Start, p.Set.End = At(p.Set.Start.Time), At(p.Set.End.Time)
	reopened := false
	for _, name := range p.Clear {
		if !clearField(&c, name) {
			return Change{}, invalid(name, nil, "cannot be null: every change has it; leave it out to keep it")
		}
		reopened = reopened || name == "end"
	}
	if len(p.Set.Labels) > 0 {
		c.Labels = nil
	}
	if len(p.Set.Links) > 0 {
		c.Links = nil
	}
	p.Set.say(&c)
	if !p.Set.Start.IsZero() {
		c.Start = p.Set.Start
	}
	if !p.Set.End.IsZero() {
		c.End = &p.Set.End
	}
	switch {
	case p.Set.Status != "":
		if !p.Set.Status.Ended() && p.Set.End.IsZero() && c.Status.Ended() {
			c.End = nil
		}
		moveTo(&c, p.Set.Status, !p.Set.Start.IsZero(), !p.Set.End.IsZero(), now)
	case reopened && c.Status.Ended():
		c.Status = Running
	case !p.Set.End.IsZero() && !c.Status.Ended() && !p.Set.End.After(now):
		c.Status = Succeeded
	}
	return c, nil
}

// clearField empties the field of c with the JSON name given, and reports
// whether it is one that can be empty.
func clearField(c *Change, name string) bool {
	switch name {
	case "title":
		c.Title = ""
	case "text":
		c.Text = ""
	case "end":
		c.End = nil
	case "who":
		c.Who = nil
	case "service":
		c.Service = ""
	case "environment":
		c.Environment = ""
	case "labels":
		c.Labels = nil
	case "version":
		c.Version = ""
	case "previous_version":
		c.PreviousVersion = ""
	case "commit":
		c.Commit = ""
	case "flag":
		c.Flag = nil
	case "links":
		c.Links = nil
	case "expect":
		c.Expect = nil
	case "risk":
		c.Risk = ""
	case "contingency":
		c.Contingency = ""
	case "undoes":
		c.Undoes = ""
	default:
		return false
	}
	return true
}
