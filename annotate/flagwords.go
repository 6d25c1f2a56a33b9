package annotate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How much a headline says of a flag's value.
const (
	headlineShares = 4  // variations
	headlineName   = 80 // bytes of a variation's name
)

// Step says what the flag was and what it became: "off → 10% on, 90% off".
func (f FlagChange) Step() string { return f.step(math.MaxInt, math.MaxInt) }

// String says which flag it was, and its Step.
func (f FlagChange) String() string { return f.stepped(f.Step()) }

func (f FlagChange) headline() string { return f.stepped(f.step(headlineShares, headlineName)) }

func (f FlagChange) stepped(step string) string {
	if step == "" {
		return f.Key
	}
	return f.Key + ": " + step
}

// step names at most so many of a value's variations, each with at most so many
// bytes.
func (f FlagChange) step(shares, name int) string {
	from, to := valueWords(f.From, shares, name), valueWords(f.To, shares, name)
	switch {
	case f.From == nil:
		return to
	case f.To == nil:
		return from + " → deleted"
	}
	return from + " → " + to
}

// valueWords says a flag's value in words: the one variation that it gives, or
// the percentage of each that has any, the least first.
func valueWords(value any, most, name int) string {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	shares := SharesOf(b)
	if given := slices.DeleteFunc(slices.Clone(shares), func(s Share) bool { return s.Part == 0 }); len(given) > 0 {
		shares = given
	}
	if len(shares) == 1 && shares[0].Part == 1 {
		return variationWords(shares[0].Variation, name)
	}
	slices.SortStableFunc(shares, func(a, b Share) int { return cmp.Compare(a.Part, b.Part) })
	more := ""
	if over := len(shares) - most; over > 0 {
		shares, more = shares[over:], fmt.Sprintf(", %d more", over)
	}
	parts := make([]string, len(shares))
	for i, s := range shares {
		percent := math.Round(s.Part*1e5) / 1e3
		parts[i] = strconv.FormatFloat(percent, 'f', -1, 64) + "% " + variationWords(s.Variation, name)
	}
	return strings.Join(parts, ", ") + more
}

func variationWords(variation string, most int) string {
	switch {
	case variation == CodeDefault:
		return "code default"
	case len(variation) <= most:
		return variation
	}
	for most > 0 && !utf8.RuneStart(variation[most]) {
		most--
	}
	return variation[:most] + "…"
}
