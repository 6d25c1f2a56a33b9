package changes

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// flagValueOf words a flag's value as the server does: text as it is, percentages
// of variations as such, nothing for null, and all else as JSON.
func flagValueOf(b []byte) (FlagValue, error) {
	switch {
	case string(b) == "null":
		return "", nil
	case len(b) > 0 && b[0] == '"':
		var s string
		err := json.Unmarshal(b, &s)
		return FlagValue(variationWords(s)), err
	case len(b) > 0 && b[0] == '{':
		if words := percentages(b); words != "" {
			return FlagValue(words), nil
		}
	}
	return FlagValue(b), nil
}

// variationWords names a variation; one stands for there being none.
func variationWords(variation string) string {
	if variation == "SdkDefault" {
		return "code default"
	}
	return variation
}

// percentages words an object of percentages, the least first, those of nobody
// left out, and one of everybody by its name: "10% on, 90% off". It returns
// nothing for another object.
func percentages(b []byte) string {
	var percents map[string]*float64
	if json.Unmarshal(b, &percents) != nil || len(percents) == 0 {
		return ""
	}
	type share struct {
		variation string
		percent   float64
	}
	var shares, given []share
	total := 0.0
	for variation, percent := range percents {
		if percent == nil || *percent < 0 {
			return ""
		}
		total += *percent
		s := share{variation, *percent}
		shares = append(shares, s)
		if s.percent > 0 {
			given = append(given, s)
		}
	}
	if total > 101 { // a hundred, and what many that were rounded can have too much
		return ""
	}
	if len(given) > 0 {
		shares = given
	}
	if len(shares) == 1 && shares[0].percent == 100 {
		return variationWords(shares[0].variation)
	}
	slices.SortFunc(shares, func(a, b share) int {
		return cmp.Or(cmp.Compare(a.percent, b.percent), cmp.Compare(a.variation, b.variation))
	})
	parts := make([]string, len(shares))
	for i, s := range shares {
		parts[i] = strconv.FormatFloat(math.Round(s.percent*1000)/1000, 'f', -1, 64) + "% " + variationWords(s.variation)
	}
	return strings.Join(parts, ", ")
}
