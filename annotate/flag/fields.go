package flag

import (
	"fmt"
	"strings"
	"time"
)

// reader makes a value of a tree, and reports what is wrong with it at its
// path. It returns false for what is not there.
type reader func(p *problems, at string, value any) (any, bool)

// definitionFields are those of a definition, or of a scheduled step.
func definitionFields(step bool) map[string]reader {
	fields := map[string]reader{
		"variations":      mapOf(anything, "variations by their names"),
		"targeting":       listOf(object(ruleFields(), "a rule"), "a list of rules"),
		"defaultRule":     object(ruleFields(), "a rule"),
		"experimentation": object(map[string]reader{"start": date, "end": date}, "an experimentation"),
		"trackEvents":     boolean,
		"disable":         boolean,
		"version":         text,
	}
	if step {
		fields["date"] = date
		for _, name := range []string{"metadata", "bucketingKey", "scheduledRollout"} {
			fields[name] = func(p *problems, at string, _ any) (any, bool) {
				p.add(at, nil, "has no effect in a scheduled step; leave it out")
				return nil, false
			}
		}
		return fields
	}
	fields["metadata"] = mapOf(anything, "metadata by name")
	fields["bucketingKey"] = text
	fields["converter"] = text
	fields["scheduledRollout"] = listOf(object(definitionFields(true), "a scheduled step"), "a list of steps")
	return fields
}

func ruleFields() map[string]reader {
	step := object(map[string]reader{"variation": text, "percentage": number, "date": date}, "one end of a progressive rollout")
	return map[string]reader{
		"name":       text,
		"query":      text,
		"variation":  text,
		"percentage": mapOf(number, "percentages by variation"),
		"progressiveRollout": object(map[string]reader{
			"initial": step, "end": step,
		}, "a progressive rollout"),
		"disable": boolean,
	}
}

func object(fields map[string]reader, what string) reader {
	return func(p *problems, at string, value any) (any, bool) {
		members, ok := value.(map[string]any)
		switch {
		case value == nil:
			return nil, false
		case !ok:
			p.add(at, nil, "must be %s, and not %s", what, kindOf(value))
			return nil, false
		}
		read := make(map[string]any, len(members))
		for _, name := range sortedKeys(members) {
			field, known := fields[name]
			if !known {
				names := sortedKeys(fields)
				p.add(under(at, name), nil, "is no field of %s%s; it has %s", what, didYouMean(name, names), strings.Join(names, ", "))
				continue
			}
			if v, ok := field(p, under(at, name), members[name]); ok {
				read[name] = v
			}
		}
		return read, true
	}
}

func mapOf(item reader, what string) reader {
	return func(p *problems, at string, value any) (any, bool) {
		members, ok := value.(map[string]any)
		switch {
		case value == nil:
			return nil, false
		case !ok:
			p.add(at, nil, "must be %s, and not %s", what, kindOf(value))
			return nil, false
		}
		read := make(map[string]any, len(members))
		for _, name := range sortedKeys(members) {
			v, ok := item(p, under(at, name), members[name])
			if !ok && members[name] == nil {
				p.add(under(at, name), nil, "is null; say a value, or leave it out")
			}
			read[name] = v
		}
		return read, true
	}
}

func listOf(item reader, what string) reader {
	return func(p *problems, at string, value any) (any, bool) {
		items, ok := value.([]any)
		switch {
		case value == nil:
			return nil, false
		case !ok:
			p.add(at, nil, "must be %s, and not %s", what, kindOf(value))
			return nil, false
		}
		read := make([]any, len(items))
		for i := range items {
			path := fmt.Sprintf("%s[%d]", at, i)
			v, ok := item(p, path, items[i])
			if !ok && items[i] == nil {
				p.add(path, nil, "is null; leave it out")
			}
			read[i] = v
		}
		return read, true
	}
}

func text(p *problems, at string, value any) (any, bool) {
	switch v := value.(type) {
	case nil:
		return nil, false
	case string:
		return v, true
	case plain:
		return v.text, true
	default:
		p.add(at, nil, "must be a text, and not %s", kindOf(value))
		return nil, false
	}
}

func boolean(p *problems, at string, value any) (any, bool) {
	if value == nil {
		return nil, false
	}
	if v, ok := bare(value).(bool); ok {
		return v, true
	}
	if v, ok := value.(plain); ok {
		// YAML 1.1's words, which GO Feature Flag takes where it wants a boolean.
		switch strings.ToLower(v.text) {
		case "yes", "on", "y":
			return true, true
		case "no", "off", "n":
			return false, true
		}
	}
	p.add(at, nil, "must be true or false, and not %s", kindOf(value))
	return nil, false
}

func number(p *problems, at string, value any) (any, bool) {
	if value == nil {
		return nil, false
	}
	if v, ok := bare(value).(float64); ok {
		return v, true
	}
	p.add(at, nil, "must be a number, and not %s", kindOf(value))
	return nil, false
}

// date reads a time, as RFC 3339 or in one of YAML's own notations, and returns it in UTC.
func date(p *problems, at string, value any) (any, bool) {
	written, yaml := "", false
	switch v := value.(type) {
	case nil:
		return nil, false
	case string:
		written = v
	case plain:
		written, yaml = v.text, true
	case zoneless:
		p.add(at, v.text, "does not say of which time zone it is; write it as in 2026-01-02T15:04:05Z")
		return nil, false
	default:
		p.add(at, nil, "must be a time, and not %s", kindOf(value))
		return nil, false
	}
	t, err := time.Parse(time.RFC3339Nano, written)
	if err != nil && yaml {
		// https://yaml.org/type/timestamp.html, where no zone is UTC
		for _, layout := range []string{"2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00", "2006-1-2 15:4:5.999999999", "2006-1-2"} {
			if t, err = time.Parse(layout, written); err == nil {
				break
			}
		}
	}
	if err != nil || t.Year() < 1 || t.Year() > 9998 {
		p.add(at, written, "is no time; write it in RFC 3339, as in 2026-01-02T15:04:05Z")
		return nil, false
	}
	return t.UTC().Format(time.RFC3339Nano), true
}

// anything reads a value of any type.
func anything(_ *problems, _ string, value any) (any, bool) {
	return bareAll(value), value != nil
}

// bare returns a value without how it was written.
func bare(value any) any {
	switch v := value.(type) {
	case plain:
		return v.value
	case zoneless:
		return v.text
	default:
		return v
	}
}

func bareAll(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = bareAll(v[name])
		}
		return v
	case []any:
		for i := range v {
			v[i] = bareAll(v[i])
		}
		return v
	default:
		return bare(value)
	}
}

func kindOf(value any) string {
	switch bare(value).(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a text"
	case float64:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
