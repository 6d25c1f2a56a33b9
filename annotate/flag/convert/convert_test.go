package convert_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/convert"
)

func TestBadInputIsNamed(t *testing.T) {
	f := func(format, file, field, message string) {
		t.Helper()
		_, err := convert.From(format, []byte(file), convert.Options{})
		e, ok := errors.AsType[*annotate.Error](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, annotate.Invalid, e.Code)
		require.Equal(t, field, e.Field)
		require.Contains(t, e.Error(), message)
	}
	f("growthbook", `{}`, "format", "must be one of flagd, goff, launchdarkly, unleash")
	for _, format := range convert.Formats() {
		f(format, "", "", "empty")
		f(format, `{"a":`, "", "JSON")
	}
	for _, format := range []string{convert.Flagd, convert.LaunchDarkly, convert.Unleash} {
		f(format, "a: [", "", "is no YAML")
		f(format, "{} {}", "", "after the end")
		f(format, "a: 1\n---\nb: 1\n", "", "more than one YAML document")
		f(format, "a: .nan\n", "a", "finite")
		f(format, "flags: {1: 2}\n", "flags", "text as its keys")
	}

	good := `"state":"ENABLED","variants":{"on":true}`
	f(convert.Flagd, `{}`, "flags", "is missing")
	f(convert.Flagd, `{"flags":7}`, "flags", "must be an object")
	f(convert.Flagd, `{"flags":{"f":7}}`, "flags.f", "must be an object")
	f(convert.Flagd, `{"flags":{"f":{"variants":{"on":true}}}}`, "flags.f.state", "is missing")
	f(convert.Flagd, `{"flags":{"f":{"state":"on","variants":{"on":true}}}}`, "flags.f.state", "must be ENABLED or DISABLED")
	f(convert.Flagd, `{"flags":{"f":{"state":"ENABLED"}}}`, "flags.f.variants", "at least one variant")
	f(convert.Flagd, `{"flags":{"f":{"state":"ENABLED","variants":{"":1}}}}`, "flags.f.variants", "without a name")
	f(convert.Unleash, unleashFlag(`[{"name":"default","variants":[{"name":""}]}]`), "features[0].strategies[0].variants[0].name", "must not be empty")
	f(convert.Flagd, `{"flags":{"f":{"state":"ENABLED","variants":{}}}}`, "flags.f.variants", "at least one variant")
	f(convert.Flagd, `{"flags":{"a.b":{`+good+`,"defaultVariant":"off"}}}`, `flags["a.b"].defaultVariant`, "must be one of the variants: on")
	f(convert.Flagd, `{"flags":{"f":{`+good+`,"targeting":"on"}}}`, "flags.f.targeting", "must be an object")
	f(convert.Flagd, `{"flags":{"f":{`+good+`,"targeting":{"if":[{"$ref":"staff"},"on"]}}},"$evaluators":{"team":true}}`, "flags.f.targeting.if[0].$ref", "must be one of $evaluators: team")
	f(convert.Flagd, `{"flags":[{`+good+`}]}`, "flags[0].key", "has its key there")
	f(convert.Flagd, `{"flags":[{"key":"f",`+good+`},{"key":"f",`+good+`}]}`, "flags[1]", "is there twice")

	f(convert.Unleash, `{}`, "features", "is missing")
	f(convert.Unleash, `{"features":[{"name":1}]}`, "features[0].name", "must be text")
	f(convert.Unleash, `{"features":[{"name":"f"},{"name":"f"}]}`, "features[1].name", "is there twice")
	f(convert.Unleash, unleashFlag(`[{"name":"flexibleRollout","parameters":{"rollout":"110"}}]`), "features[0].strategies[0].parameters.rollout", "must be a percentage")
	f(convert.Unleash, unleashFlag(`[{"name":"default","constraints":[{"contextName":"a"}]}]`), "features[0].strategies[0].constraints[0].operator", "is missing")
	f(convert.Unleash, unleashFlag(`[{"name":"default","constraints":[{"contextName":"a","operator":"IN","values":[1]}]}]`), "features[0].strategies[0].constraints[0].values[0]", "must be text")

	f(convert.LaunchDarkly, `{}`, "", "has no flags")
	f(convert.LaunchDarkly, `[{"on":true}]`, "[0].key", "has its key there")
	f(convert.LaunchDarkly, `{"flags":{"f":{"on":true}}}`, "flags.f.variations", "is missing")
	f(convert.LaunchDarkly, darklyFlag(`"fallthrough":{"variation":3}`), "flags.f.fallthrough.variation", "no variation of this number: it has 3")
	f(convert.LaunchDarkly, darklyFlag(`"fallthrough":{"variation":0.5}`), "flags.f.fallthrough.variation", "whole number")
	f(convert.LaunchDarkly, darklyFlag(`"rules":[{"variation":0,"clauses":[{"attribute":"a"}]}]`), "flags.f.rules[0].clauses[0].op", "is missing")
	f(convert.LaunchDarkly, `{"flags":{"f":{"on":true,"variations":[1]}},"flagValues":{"f":1}}`, "flagValues.f", "another flag")

	f(convert.GOFF, `{"f":{"variations":{"on":true},"defaultRule":{"variation":"off"}}}`, "f.defaultRule.variation", `no variation "off"`)
}

func TestLimits(t *testing.T) {
	tooMany := func(format, file string) {
		t.Helper()
		_, err := convert.From(format, []byte(file), convert.Options{})
		require.Equal(t, annotate.TooMany, annotate.CodeOf(err), "%v", err)
	}
	tooMany(convert.Flagd, strings.Repeat(" ", convert.MaxBytes+1))
	tooMany(convert.Flagd, strings.Repeat("[", 200)+strings.Repeat("]", 200))
	var flagd, unleash, darkly []string
	for i := range convert.MaxFlags + 1 {
		flagd = append(flagd, fmt.Sprintf(`"f%d":{}`, i))
		unleash = append(unleash, fmt.Sprintf(`{"name":"f%d"}`, i))
		darkly = append(darkly, fmt.Sprintf(`"f%d":1`, i))
	}
	tooMany(convert.Flagd, `{"flags":{`+strings.Join(flagd, ",")+`}}`)
	tooMany(convert.Unleash, `{"features":[`+strings.Join(unleash, ",")+`]}`)
	tooMany(convert.LaunchDarkly, `{"flagValues":{`+strings.Join(darkly, ",")+`}}`)
}

// A file may say little and mean much; it must cost no more than a definition may.
func TestWhatRefersToMuchIsLeftOut(t *testing.T) {
	many := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	f := func(format, file string) {
		t.Helper()
		r := from(t, format, file)
		require.Contains(t, r.LeftOut, "f")
		require.Regexp(t, "longer than|more than", texts(r, "f"))
	}
	f(convert.Flagd, `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"and":[`+many(1000, `{"$ref":"e"}`)+`]},"on"]}}},
		"$evaluators":{"e":{"in":[{"var":"a"},[`+many(1000, `"x"`)+`]]}}}`)
	f(convert.Flagd, flagdFlag(`{"if":[{"and":[`+many(3000, `{"==":[{"var":"a"},1]}`)+`]},{"if":[`+many(3000, `{"var":"b"},"on"`)+`]}]}`))
	f(convert.Unleash, `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default","segments":[`+many(2000, "1")+`]}]}],
		"segments":[{"id":1,"constraints":[`+many(500, `{"contextName":"a","operator":"IN","values":["x"]}`)+`]}]}`)
	segments := []string{}
	for i := range 9 {
		segments = append(segments, fmt.Sprintf(`"s%d":{"rules":[{"clauses":[{"op":"segmentMatch","values":[%s]}]}]}`, i, many(200, fmt.Sprintf(`"s%d"`, i+1))))
	}
	f(convert.LaunchDarkly, `{"flags":{"f":{"on":true,"variations":[true,false],"fallthrough":{"variation":1},"rules":[{"variation":0,"clauses":[{"op":"segmentMatch","values":["s0"]}]}]}},
		"segments":{`+strings.Join(segments, ",")+`,"s9":{}}}`)
}

// A list that is too long for one query becomes several rules of one outcome.
func TestLongListsBecomeSeveralRules(t *testing.T) {
	keys := []string{}
	for i := range 2000 {
		keys = append(keys, fmt.Sprintf("%q", fmt.Sprint("customer-", i)))
	}
	list := strings.Join(keys, ",")
	r := from(t, convert.LaunchDarkly, darklyFlag(`"targets":[{"variation":0,"values":[`+list+`]}],
		"rules":[{"variation":2,"clauses":[{"attribute":"account","op":"in","values":[`+list+`]},{"attribute":"plan","op":"in","values":["pro"]}]}]`))
	def := r.Flags["f"]
	require.Greater(t, len(*def.Rules), 4)
	for _, rule := range *def.Rules {
		require.LessOrEqual(t, len(*rule.Query), flag.MaxQuery)
	}
	require.Equal(t, "in", answer("f", def, who("customer-1999")))
	require.Equal(t, "out", answer("f", def, who("customer-2000")))
	require.Equal(t, "third", answer("f", def, who("u", "account", "customer-1", "plan", "pro")))
	require.Equal(t, "out", answer("f", def, who("u", "account", "customer-1")))
}

func TestFlagsThatTidemarkWouldRefuseAreLeftOut(t *testing.T) {
	r := from(t, convert.Flagd, `{"flags":{"two words":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}}}`)
	require.Equal(t, []string{"two words"}, r.LeftOut)
	require.Contains(t, texts(r, "two words"), "no flag may have its key")

	r = from(t, convert.Flagd, `{"flags":{"f":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","metadata":{"owner":7,"team":8}}}}`)
	require.Equal(t, map[string]any{"team": 8.}, *r.Flags["f"].Metadata)
	require.Contains(t, texts(r, "f"), `the metadata "owner" is gone`)
}

func TestOneFileGivesOneResult(t *testing.T) {
	file := flagdFlag(`{"fractional":[["on",1],["off",1],["third",1]]}`)
	first := from(t, convert.Flagd, file)
	for range 20 {
		require.Equal(t, first, from(t, convert.Flagd, file))
	}
}

func TestExport(t *testing.T) {
	out, err := convert.Export(nil, flag.JSON)
	require.NoError(t, err)
	require.Equal(t, "{}\n", string(out))
	_, err = convert.Export(nil, "xml")
	require.ErrorContains(t, err, "must be json, yaml or toml")
}
