package convert

import "slices"

// inSegments holds for who is in one of them.
func (r *darklyReader) inSegments(values []value) (cond, error) {
	var cs []cond
	for _, v := range values {
		key := v.text()
		x, ok := r.file.segments[key]
		if !ok {
			return nil, leftOut(v.path, "the file does not say who is in the segment %q: add it to the file, as \"segments\"", key)
		}
		if slices.Contains(r.segments, key) {
			return nil, leftOut(v.path, "the segment %q refers to itself, which LaunchDarkly answers with an error", key)
		}
		if len(r.segments) >= maxSegments {
			return nil, leftOut(v.path, "segments refer to one another more than %d deep", maxSegments)
		}
		if err := r.room.spend(truth(false), v.path); err != nil {
			return nil, err
		}
		r.segments = append(r.segments, key)
		c, err := r.segment(x)
		r.segments = r.segments[:len(r.segments)-1]
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	return either(cs...), nil
}

// maxSegments is how deep segments may refer to one another.
const maxSegments = 10

// segment holds for who is in it: those included, and those whom a rule catches
// and who are not excluded.
func (r *darklyReader) segment(x value) (cond, error) {
	if x.field("unbounded").truth() {
		return nil, leftOut(x.path, "the file does not say who is in a segment that is synchronized from elsewhere")
	}
	included, err := r.members(x, "included", "includedContexts")
	if err != nil {
		return nil, err
	}
	excluded, err := r.members(x, "excluded", "excludedContexts")
	if err != nil {
		return nil, err
	}
	var rules []cond
	for _, rule := range x.field("rules").items() {
		is, err := r.clauses(rule.field("clauses"))
		if err != nil {
			return nil, err
		}
		if w := rule.field("weight"); !w.missing() && w.number() < buckets {
			if w.number() > 0 {
				return nil, leftOut(rule.path, "a rule of a segment catches a share of the people: GO Feature Flag deals out for each flag anew")
			}
			is = truth(false)
		}
		rules = append(rules, is)
	}
	return either(included, both(not(excluded), either(rules...))), nil
}

// members are those that a segment names one by one, users and others.
func (r *darklyReader) members(x value, users, contexts string) (cond, error) {
	var cs []cond
	if keys := anys(x.field(users).texts()); len(keys) > 0 {
		cs = append(cs, oneOf{attr: targetingKey, values: keys})
	}
	for _, c := range x.field(contexts).items() {
		a, err := r.attribute(c.field("contextKind").text(), "key", c)
		if err != nil {
			return nil, err
		}
		if keys := anys(c.field("values").texts()); len(keys) > 0 {
			cs = append(cs, oneOf{attr: a, values: keys})
		}
	}
	all := either(cs...)
	return all, r.room.spend(all, x.path)
}
