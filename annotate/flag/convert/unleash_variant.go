package convert

import (
	"encoding/json"
	"strconv"
)

// variantNames are the names of the variations: those of the variants, one for
// who is not enabled, and one for who is where there are no variants.
type variantNames struct{ on, off string }

// of is the name of a variant.
func (variantNames) of(v value) string { return v.field("name").text() }

// variations chooses them. A feature without variants is true or false.
func (r *featureReader) variations(p *plan) variantNames {
	all := append([]value{}, r.state.variants...)
	for _, s := range r.state.strategies {
		if !s.field("disabled").truth() {
			all = append(all, s.field("variants").items()...)
		}
	}
	if len(all) == 0 {
		p.variations = map[string]any{"on": true, "off": false}
		return variantNames{on: "on", off: "off"}
	}
	kind := payloadKind(all)
	p.variations = map[string]any{}
	for _, v := range all {
		name := v.field("name").required("a variant has its name there").text()
		if name == "" {
			v.field("name").refuse("must not be empty")
		}
		payload := r.payload(v, kind)
		if before, twice := p.variations[name]; twice && !same(before, payload) {
			r.s.lost(v.path, "another variant of the name %q has another payload, which counts here for both", name)
			continue
		}
		p.variations[name] = payload
	}
	taken := func(name string) bool { _, ok := p.variations[name]; return ok }
	n := variantNames{off: unique(taken, "disabled")}
	p.variations[n.off] = map[string]any{"json": map[string]any{}, "list": []any{}, "number": 0.0, "string": ""}[kind]
	if r.mayBeOnWithoutVariant() {
		n.on = unique(taken, "enabled")
		p.variations[n.on] = p.variations[n.off]
		r.s.lost(r.feature.path, "who is enabled by a strategy without variants gets %q with an empty value; Unleash leaves the value to the code", n.on)
	}
	r.s.lost(r.feature.path, "it has variants, so that its value is theirs: code that asks whether it is enabled has to ask for the value, and who is not enabled gets %q with an empty value, where Unleash leaves the value to the code", n.off)
	return n
}

// mayBeOnWithoutVariant says that a strategy has no variants, nor the feature.
func (r *featureReader) mayBeOnWithoutVariant() bool {
	if len(r.state.variants) > 0 {
		return false
	}
	for _, s := range r.state.strategies {
		if !s.field("disabled").truth() && len(s.field("variants").items()) == 0 {
			return true
		}
	}
	return false
}

// payloadKind is the type that all payloads have: GO Feature Flag wants one.
func payloadKind(variants []value) string {
	kind := ""
	for _, v := range variants {
		k := "string"
		switch p := v.field("payload"); p.field("type").text() {
		case "json":
			var x any
			if json.Unmarshal([]byte(p.field("value").text()), &x) == nil {
				switch x.(type) {
				case map[string]any:
					k = "json"
				case []any:
					k = "list"
				}
			}
		case "number":
			if _, err := strconv.ParseFloat(p.field("value").text(), 64); err == nil {
				k = "number"
			}
		}
		if kind != "" && k != kind {
			return "string"
		}
		kind = k
	}
	return kind
}

// payload is a variant's value. One without a payload has its name.
func (r *featureReader) payload(v value, kind string) any {
	p := v.field("payload")
	text := p.field("value").text()
	if p.missing() {
		r.s.differs(v.path, "a variant without a payload has its name as its value")
		return v.field("name").text()
	}
	switch kind {
	case "json", "list":
		var x any
		if json.Unmarshal([]byte(text), &x) == nil {
			return x
		}
	case "number":
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	if t := p.field("type").text(); t == "json" || t == "number" {
		r.s.lost(p.path, "a payload of the type %s is text here, since the variants' payloads are not all of one type", t)
	}
	return text
}
