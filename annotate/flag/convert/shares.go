package convert

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// share is a variation's part of those who are dealt out.
type share struct {
	variation string
	weight    float64
}

// deal is the outcome that weights give: one variation where no other has any.
// Without any weight it is none at all.
func deal(shares []share) (out outcome, total float64) {
	merged := []share{}
	for _, s := range shares {
		total += s.weight
		i := slices.IndexFunc(merged, func(m share) bool { return m.variation == s.variation })
		switch {
		case s.weight == 0:
		case i >= 0:
			merged[i].weight += s.weight
		default:
			merged = append(merged, s)
		}
	}
	if len(merged) == 1 {
		return outcome{variation: merged[0].variation}, total
	}
	return outcome{shares: merged}, total
}

// buckets is how many parts GO Feature Flag divides people into.
const buckets = 100_000

// percentages are the shares in steps of a thousandth of a per cent, which is
// what GO Feature Flag's buckets hold. Rounded names those that are not exact.
func percentages(shares []share) (out map[string]float64, rounded []string) {
	total := 0.0
	for _, s := range shares {
		total += s.weight
	}
	type part struct {
		share
		whole int
		rest  float64
	}
	parts, left := make([]part, len(shares)), buckets
	for i, s := range shares {
		exact := s.weight / total * buckets
		// A weight such as 29/100 is a whole number of buckets but for the last bit.
		if near := math.Round(exact); math.Abs(exact-near) < 1e-6 {
			exact = near
		}
		whole := int(exact)
		parts[i] = part{s, whole, exact - float64(whole)}
		left -= whole
	}
	// Those that lost most by rounding down get what is left.
	byRest := slices.Clone(parts)
	slices.SortStableFunc(byRest, func(a, b part) int { return cmp.Compare(b.rest, a.rest) })
	for i := range byRest {
		if left > 0 {
			byRest[i].whole++
			left--
		}
	}
	out = map[string]float64{}
	for _, p := range byRest {
		if p.rest != 0 {
			rounded = append(rounded, p.variation+" has "+percent(float64(p.whole)/1000)+" instead of "+percent(p.weight/total*100))
		}
		if p.whole > 0 {
			out[p.variation] = float64(p.whole) / 1000
		}
	}
	slices.Sort(rounded)
	steady(out)
	return out, rounded
}

func percent(p float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(p, 'g', 8, 64), ".0") + " %"
}

// steady makes the sum of the percentages at least 100 in whatever order they are
// added. The library adds them in the random order of a map and cuts off what is
// behind a thousandth: 33.3, 33.3 and 33.4 are 100 or 99.999, and people would
// move with each evaluation. A billionth of a per cent more moves nobody.
func steady(p map[string]float64) {
	whole, largest := true, ""
	for _, name := range sortedKeys(p) {
		whole = whole && p[name] == math.Trunc(p[name])
		if largest == "" || p[name] > p[largest] {
			largest = name
		}
	}
	if whole || len(p) < 2 {
		return
	}
	values := make([]float64, 0, len(p))
	for _, name := range sortedKeys(p) {
		values = append(values, p[name])
	}
	if len(values) > 6 || leastSum(values, 0) < 100 {
		p[largest] = math.Round((p[largest]+1e-9)*1e9) / 1e9
	}
}

// leastSum is the smallest sum that any order gives.
func leastSum(values []float64, sum float64) float64 {
	if len(values) == 0 {
		return sum
	}
	least := math.Inf(1)
	for i := range values {
		rest := slices.Delete(slices.Clone(values), i, i+1)
		least = min(least, leastSum(rest, sum+values[i]))
	}
	return least
}
