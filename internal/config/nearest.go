package config

import (
	"slices"
	"strings"
)

// known says which of the known words was probably meant by word, and where
// none is near, which there are.
func known(word string, words []string) string {
	words = slices.Sorted(slices.Values(words))
	best, least := "", min(3, len(word)/2+1)
	for _, w := range words {
		if d := distance(word, w, least); d < least {
			best, least = w, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "known: " + strings.Join(words, ", ")
}

// distance is in how many bytes a and b differ by inserting, removing and
// replacing, or limit if in that many or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
