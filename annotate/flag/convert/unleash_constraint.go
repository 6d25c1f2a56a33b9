package convert

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// constraints reads those of a strategy, and of its segments.
func (r *featureReader) constraints(x value) (cond, error) {
	all := x.field("constraints").items()
	for _, id := range x.field("segments").items() {
		segment, ok := r.file.segments[id.count()]
		if !ok || segment.field("constraints").missing() {
			return nil, leftOut(id.path, "the file does not say who is in the segment%s: convert what Unleash's client API answers (/api/client/features), which does", segmentName(segment))
		}
		if all = append(all, segment.field("constraints").items()...); len(all) > maxConstraints {
			return nil, leftOut(x.path, "it has more than %d constraints", maxConstraints)
		}
	}
	var cs []cond
	for _, c := range all {
		is, err := r.constraint(c)
		if err == nil {
			err = r.room.spend(is, c.path)
		}
		if err != nil {
			return nil, err
		}
		cs = append(cs, is)
	}
	return both(cs...), nil
}

// maxConstraints is how many a strategy may have with its segments.
const maxConstraints = 10_000

func segmentName(x value) string {
	if x.in == nil || x.field("name").text() == "" {
		return ""
	}
	return " " + strconv.Quote(x.field("name").text())
}

// attribute is the attribute that a field of Unleash's context is here.
func (r *featureReader) attribute(name value) (attr, error) {
	a := attr{path: name.text(), kind: textKind}
	switch {
	case a.path == "userId":
		r.userID()
		return targetingKey, nil
	case a.path == "":
		name.required("it is the name of a field of the context")
	case a.path == "appName" || a.path == "environment":
		r.s.differs(name.path, "Unleash's SDKs add %s to the context by themselves: here whoever asks has to bring it", a.path)
	case strings.Contains(a.path, "."), a.path == "key", a.path == "anonymous", a.path == "targetingKey", a.path == "gofeatureflag":
		return a, leftOut(name.path, "GO Feature Flag cannot look at an attribute of the name %q", a.path)
	}
	return a, nil
}

func (r *featureReader) userID() {
	r.s.differs(r.feature.path, "the targeting key stands for the userId")
}

func (r *featureReader) constraint(x value) (cond, error) {
	operator := x.field("operator").required("a constraint has its operator there").text()
	values := []any{}
	for _, v := range x.field("values").texts() {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	var is cond
	var err error
	inverted := x.field("inverted").truth()
	switch {
	case strings.HasPrefix(operator, "DATE_"):
		is, err = r.date(x, operator)
	default:
		a, e := r.attribute(x.field("contextName").required("it is the name of a field of the context"))
		if e != nil {
			return nil, e
		}
		is, err = r.test(x, operator, a, values)
		if inverted && (strings.HasPrefix(operator, "NUM_") || strings.HasPrefix(operator, "SEMVER_")) {
			r.s.lost(x.path, "who has no %s that can be compared meets the inverted constraint here, as in Unleash's own evaluation; some of its SDKs, such as Go's, say no", a.path)
		}
	}
	if err != nil {
		return nil, err
	}
	if inverted {
		is = not(is)
	}
	return is, nil
}

func (r *featureReader) test(x value, operator string, a attr, values []any) (cond, error) {
	fold := x.field("caseInsensitive").truth()
	switch operator {
	case "IN", "NOT_IN":
		is := cond(oneOf{attr: a, values: values})
		if fold {
			is = matchesOne(a, whole, values, true)
		}
		if operator == "NOT_IN" {
			is = not(is)
		}
		return is, nil
	case "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH":
		how := map[string]place{"STR_CONTAINS": anywhere, "STR_STARTS_WITH": atStart, "STR_ENDS_WITH": atEnd}[operator]
		return matchesOne(a, how, values, fold), nil
	case "NUM_EQ", "NUM_LT", "NUM_LTE", "NUM_GT", "NUM_GTE":
		n, err := strconv.ParseFloat(strings.TrimSpace(r.single(x)), 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, leftOut(x.path, "it compares with something that is no number")
		}
		return compares{a, map[string]string{"NUM_EQ": "==", "NUM_LT": "<", "NUM_LTE": "<=", "NUM_GT": ">", "NUM_GTE": ">="}[operator], n}, nil
	case "SEMVER_EQ", "SEMVER_LT", "SEMVER_GT":
		full, ok := fullVersion(strings.TrimSpace(r.single(x)), true)
		if !ok {
			return nil, leftOut(x.path, "it compares with something that is no version")
		}
		return versions{a, map[string]string{"SEMVER_EQ": "eq", "SEMVER_LT": "lt", "SEMVER_GT": "gt"}[operator], full}, nil
	case "IN_CIDR":
		texts := []string{}
		for _, v := range values {
			texts = append(texts, v.(string))
		}
		return r.addressesOf(a, x, texts)
	}
	return nil, leftOut(x.field("operator").path, "GO Feature Flag has nothing like the operator %s", operator)
}

// matchesOne holds where the attribute has one of the texts in a place.
func matchesOne(a attr, how place, texts []any, fold bool) cond {
	var cs []cond
	for _, v := range texts {
		cs = append(cs, matches{attr: a, how: how, text: v.(string), fold: fold})
	}
	return either(cs...)
}

// single is the one value that a number, a version or a date is compared with.
func (r *featureReader) single(x value) string {
	v := x.field("value")
	if n, ok := v.v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return v.text()
}

// date reads a comparison of the time: before and after leave the moment out.
func (r *featureReader) date(x value, operator string) (cond, error) {
	if name := x.field("contextName").text(); name != "currentTime" {
		return nil, leftOut(x.path, "it takes %q for a date, on which Unleash's SDKs differ", name)
	}
	t, err := time.Parse(time.RFC3339, r.single(x))
	if err != nil {
		return nil, leftOut(x.path, "it compares with something that is no date")
	}
	if t.Nanosecond() != 0 {
		r.s.differs(x.path, "the time is taken to the second")
	}
	switch operator {
	case "DATE_AFTER":
		r.s.differs(x.path, "the moment itself counts as after it")
		return since(t.Unix()), nil
	case "DATE_BEFORE":
		return not(since(t.Unix())), nil
	}
	return nil, leftOut(x.field("operator").path, "GO Feature Flag has nothing like the operator %s", operator)
}

func (r *featureReader) addresses(x value, texts []string) (cond, error) {
	return r.addressesOf(attr{"remoteAddress", textKind}, x, texts)
}

// addressesOf holds for IP addresses and ranges. A range of version 4 is the texts
// that its addresses start with.
func (r *featureReader) addressesOf(a attr, x value, texts []string) (cond, error) {
	var cs []cond
	for _, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil {
			cs = append(cs, oneOf{attr: a, values: []any{addr.String()}})
			if addr.Is6() {
				r.s.lost(x.path, "who writes the address %s in another way is not recognized", text)
			}
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			r.s.differs(x.path, "%q is no address and no range, and is gone", text)
		case !prefix.Addr().Is4():
			r.s.lost(x.path, "GO Feature Flag has no ranges of addresses: those in %s are not recognized", text)
		default:
			cs = append(cs, starts(a, prefix))
		}
	}
	return either(cs...), nil
}

// starts are the texts that the addresses of a range start with: whole numbers,
// and the first one that the range has a part of.
func starts(a attr, prefix netip.Prefix) cond {
	octets, bits := prefix.Masked().Addr().As4(), prefix.Bits()
	whole := ""
	for _, octet := range octets[:bits/8] {
		whole += strconv.Itoa(int(octet)) + "."
	}
	if bits == 32 {
		return oneOf{attr: a, values: []any{prefix.Addr().String()}}
	}
	if bits == 0 {
		return matches{attr: a, how: anywhere, text: "."}
	}
	if bits%8 == 0 {
		return matches{attr: a, how: atStart, text: whole}
	}
	var cs []cond
	first := int(octets[bits/8])
	for octet := first; octet < first+1<<(8-bits%8); octet++ {
		text := whole + strconv.Itoa(octet)
		if bits > 24 {
			cs = append(cs, oneOf{attr: a, values: []any{text}})
		} else {
			cs = append(cs, matches{attr: a, how: atStart, text: text + "."})
		}
	}
	return either(cs...)
}
