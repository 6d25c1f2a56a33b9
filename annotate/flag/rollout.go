package flag

import (
	"math"
	"slices"
	"strings"
	"time"
)

// sharesOf returns the shares that a rollout leads to, in whole thousandths of a per cent.
func (m *Move) sharesOf(r Rollout, now time.Time) (map[string]float64, error) {
	variations := internal(m.Flag.Definition).GetVariations()
	if _, ok := variations[r.Variation]; !ok {
		return nil, m.noVariation("variation", r.Variation, "")
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	rest := 100_000 - thousandths(r.Percentage)
	shares := map[string]float64{r.Variation: r.Percentage}
	if r.Rest != "" {
		if _, ok := variations[r.Rest]; !ok {
			return nil, m.noVariation("rest", r.Rest, "")
		}
		shares[r.Rest] = float64(rest) / 1000
		return shares, nil
	}
	others := m.others(r.Variation, now)
	if len(others) == 0 && rest > 0 {
		names := m.variations(r.Variation)
		if len(names) != 1 {
			return nil, invalid("rest", nil, "is missing; say who gets the other %v %%: %s",
				float64(rest)/1000, or(names, "there is no other variation"))
		}
		others[names[0]] = 1
	}
	for name, share := range proportional(others, rest) {
		shares[name] = float64(share) / 1000
	}
	return shares, nil
}

// others returns the shares of all variations but one.
func (m *Move) others(variation string, now time.Time) map[string]float64 {
	shares := ruleShares(m.Flag.Definition.DefaultRule, now)
	delete(shares, variation)
	delete(shares, CodeDefault)
	return shares
}

// proportional divides total in the proportions of shares. What rounding leaves
// over goes to those that it took most from.
func proportional(shares map[string]float64, total int) map[string]int {
	sum := 0.0
	for _, share := range shares {
		sum += share
	}
	type part struct {
		name     string
		fraction float64
	}
	given, left := make(map[string]int, len(shares)), total
	parts := make([]part, 0, len(shares))
	for name, share := range shares {
		exact := share / sum * float64(total)
		given[name] = int(math.Floor(exact + 1e-6))
		left -= given[name]
		parts = append(parts, part{name, exact - float64(given[name])})
	}
	slices.SortFunc(parts, func(a, b part) int {
		if a.fraction != b.fraction {
			if a.fraction > b.fraction {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	for i := 0; left > 0 && len(parts) > 0; i++ {
		given[parts[i%len(parts)].name]++
		left--
	}
	return given
}

func thousandths(percentage float64) int { return int(math.Round(percentage * 1000)) }

// variations returns the names of the flag's variations but one, sorted.
func (m *Move) variations(but string) []string {
	var names []string
	for name := range internal(m.Flag.Definition).GetVariations() {
		if name != but {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (m *Move) noVariation(field, name, also string) error {
	names := m.variations("")
	if name == "" {
		return invalid(field, name, "is missing; say %s%s", also, or(names, "nothing else: there are no variations"))
	}
	return invalid(field, name, "there is no variation %q%s; say %s%s", name, didYouMean(name, names), also, or(names, "nothing else: there are no variations"))
}

// or joins names for a sentence.
func or(names []string, none string) string {
	switch n := len(names); n {
	case 0:
		return none
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}
