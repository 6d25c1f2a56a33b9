package convert_test

import (
	"io"
	"log/slog"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	gff "github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/convert"
)

// The library logs each query that fails on a context, which is what some of
// these tests are about.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

// codeDefault is the answer of a flag that leaves it to the code.
const codeDefault = flag.CodeDefault

type attributes = map[string]any

// who is a context: the targeting key, and attributes.
func who(key string, pairs ...any) attributes {
	a := attributes{"targetingKey": key}
	for i := 0; i < len(pairs); i += 2 {
		a[pairs[i].(string)] = pairs[i+1]
	}
	return a
}

// at sets the time of an evaluation.
func at(time string, a attributes) attributes {
	a["gofeatureflag"] = map[string]any{"currentDateTime": time}
	return a
}

// answer is the variation that GO Feature Flag's library gives.
func answer(key string, def flag.Definition, a attributes) string {
	custom := attributes{}
	for k, v := range a {
		if k != "targetingKey" {
			custom[k] = v
		}
	}
	f := def.Convert()
	_, detail := f.Value(key, utils.ConvertEvaluationCtxFromRequest(a["targetingKey"].(string), custom), gff.Context{})
	return detail.Variant
}

func from(t *testing.T, format, file string, options ...convert.Options) convert.Result {
	t.Helper()
	o := convert.Options{}
	if len(options) > 0 {
		o = options[0]
	}
	r, err := convert.From(format, []byte(file), o)
	require.NoError(t, err)
	for key, def := range r.Flags {
		f := def.Convert()
		require.NoError(t, f.IsValid(), key)
	}
	return r
}

// texts are the remarks on a flag, one a line.
func texts(r convert.Result, key string) string {
	var b strings.Builder
	for _, remark := range r.Remarks {
		if remark.Flag == key {
			b.WriteString(remark.Path + ": " + remark.Text + "\n")
		}
	}
	return b.String()
}

// shareOf is how many per cent of people get a variation.
func shareOf(variation, key string, def flag.Definition, a attributes) float64 {
	const people = 2000
	n := 0
	for i := range people {
		context := attributes{"targetingKey": "person-" + strconv.Itoa(i)}
		maps.Copy(context, a)
		if answer(key, def, context) == variation {
			n++
		}
	}
	return 100 * float64(n) / people
}
