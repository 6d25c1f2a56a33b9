package annotate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
)

// CodeDefault stands for a variation where a flag answers none, and the code
// uses the value that it brings: GO Feature Flag's name for it.
const CodeDefault = "SdkDefault"

// Share is which part, from 0 to 1, of those who ask for a flag gets a variation.
type Share struct {
	Variation string
	Part      float64
}

// FlagState is the value that a change gave a flag, from its start on.
type FlagState struct {
	Flag, Service, Environment string
	// Start is in Unix milliseconds.
	Start int64
	// Value is JSON, and null where the flag is no more.
	Value string
}

// State returns, as JSON, which value the flag has after f: null where it is no
// more, and nothing at all where f does not say.
func (f FlagChange) State() string {
	if f.From == nil && f.To == nil {
		return ""
	}
	value, err := json.Marshal(f.To)
	if err != nil {
		return ""
	}
	return string(value)
}

// mostPercent is what the percentages of a value may add up to: a hundred, and
// what many that were rounded can have too much.
const mostPercent = 101

// SharesOf returns which part each variation has that a flag's value names, by
// their names. The value is JSON:
//
//   - null names none: the flag is no more;
//   - an object of percentages is just that: each of its values is a number from
//     0, and together they are no more than a hundred;
//   - text, a number or a boolean is one variation that everybody gets;
//   - and so is all else, by its JSON.
func SharesOf(value []byte) []Share {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0 || string(value) == "null":
		return nil
	case value[0] == '{':
		if shares := percentages(value); shares != nil {
			return shares
		}
	case value[0] == '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			return []Share{{text, 1}}
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return []Share{{string(value), 1}}
	}
	return []Share{{compact.String(), 1}}
}

// percentages reads an object of percentages; nil is for one that is none.
func percentages(value []byte) []Share {
	var percents map[string]*float64
	if json.Unmarshal(value, &percents) != nil || len(percents) == 0 {
		return nil
	}
	shares, total := make([]Share, 0, len(percents)), 0.0
	for name, percent := range percents {
		if percent == nil || *percent < 0 {
			return nil
		}
		total += *percent
		shares = append(shares, Share{name, *percent / 100})
	}
	if total > mostPercent {
		return nil
	}
	slices.SortFunc(shares, func(a, b Share) int { return cmp.Compare(a.Variation, b.Variation) })
	return shares
}
