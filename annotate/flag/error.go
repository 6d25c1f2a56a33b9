package flag

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

func invalid(field string, value any, format string, args ...any) *annotate.Error {
	return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}

func conflict(field string, value any, format string, args ...any) *annotate.Error {
	return &annotate.Error{Code: annotate.Conflict, Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}

// prefixed returns err with the path of what it is part of before its field.
func prefixed(path string, err error) error {
	e, ok := errors.AsType[*annotate.Error](err)
	if !ok {
		return err
	}
	in := *e
	in.Field = strings.TrimSuffix(path+"."+e.Field, ".")
	return &in
}

func validatePercentage(field string, value float64) error {
	switch {
	case math.IsNaN(value) || value < 0 || value > 100:
		return invalid(field, value, "must be from 0 to 100")
	case math.Abs(value-thousandth(value)) > 1e-9:
		return invalid(field, value, "is finer than a thousandth of a per cent, which is one of the %d buckets; say %v", Buckets, thousandth(value))
	}
	return nil
}

func pointer[T any](v T) *T { return &v }

// sameJSON reports whether both are the same in JSON, where maps are sorted.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// didYouMean returns a hint at the name that is most like an unknown one; "" where none is.
func didYouMean(name string, names []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, candidate := range names {
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if len(name) > 3 && strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(name)) {
			d = 1
		}
		if d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is Levenshtein's, in bytes; of long names it is their difference in length.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
