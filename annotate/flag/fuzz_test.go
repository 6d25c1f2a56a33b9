package flag

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// FuzzParse reads anything as a file in each format. What is taken is written and
// read again the same, is evaluated, moved and killed, and is what GO Feature Flag takes.
func FuzzParse(f *testing.F) {
	for _, text := range []string{checkoutJSON, checkoutYAML, checkoutTOML, "a: &a {variations: {x: 1}, defaultRule: {variation: x}}\nb: *a", `{"a": 1e999}`, "a: {b: 2026-01-01}", "[a]\nb = 07:32:00"} {
		f.Add([]byte(text))
	}
	ctx := NewContext("u1", map[string]any{"email": "a@example.com", "age": 3.0, "company": map[string]any{"size": 1.0}})
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, format := range []Format{JSON, YAML, TOML} {
			file, _ := ParseFile(text, format)
			for key, d := range file {
				body, err := json.Marshal(d)
				require.NoError(t, err)
				again, err := ParseFile(append(append([]byte(`{"`+key+`": `), body...), '}'), JSON)
				require.NoError(t, err)
				require.Equal(t, d, again[key])
				require.NoError(t, internal(d).IsValid())
				whole := Flag{Key: key, Definition: d}
				NewSet("", []Flag{whole}, clock, nil).EvaluateAll(ctx)
				_, _ = whole.NextChange(epoch)
				_, err = whole.Kill(epoch)
				require.NoError(t, err)
				for name := range *d.Variations {
					m, err := whole.Flip(Flip{To: name}, epoch)
					require.NoError(t, err)
					require.NoError(t, m.Flag.Validate())
				}
			}
		}
	})
}

// FuzzQuery evaluates anything that passes as a query, against anything that passes as a context.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{`a eq 1 and b ew "x"`, `{"==": [{"var": "a"}, 1]}`, `not (a pr)`, `a in [1, 2]`, `{"reduce": [{"var": "a"}, {"+": [1, 2]}, 0]}`} {
		f.Add(query, `{"a": 1, "b": {"c": "x"}}`)
	}
	f.Fuzz(func(t *testing.T, query, attributes string) {
		if len(query) > MaxQuery {
			return
		}
		var decoded map[string]any
		if json.Unmarshal([]byte(attributes), &decoded) != nil {
			return
		}
		on := "on"
		d := define(t, "f", onOff+"defaultRule: {variation: off}").Definition
		d.Rules = &[]flag.Rule{{Query: &query, VariationResult: &on}}
		if checkQuery(&(*d.Rules)[0]) != nil {
			return
		}
		ctx := NewContext("u1", decoded)
		got := NewSet("", []Flag{{Key: "f", Definition: d}}, clock, nil).Evaluate("f", ctx)
		value, details := askLibrary(t, d, "f", ctx)
		require.Equal(t, details, got.Details(), "%s on %s", query, attributes)
		require.Equal(t, value, got.Value)
	})
}
