package convert_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/flag/convert"
)

// darklyFlag is SDK data with one flag, f, that is on and gives "out" to who
// meets none of its rules; body adds fields to it.
func darklyFlag(body string) string {
	return `{"flags":{"f":{"key":"f","on":true,"version":3,"salt":"x","variations":["in","out","third"],"offVariation":1,
		"fallthrough":{"variation":1},` + body + `}},
		"segments":{"staff":{"key":"staff","included":["boss"],"excluded":["left"],"includedContexts":[{"contextKind":"org","values":["acme"]}],
			"rules":[{"clauses":[{"attribute":"email","op":"endsWith","values":["@example.com"]}]},
				{"clauses":[{"attribute":"plan","op":"in","values":["dice"]}],"weight":0}]},
		"all":{"key":"all","rules":[{"clauses":[{"op":"segmentMatch","values":["staff"]}]}]},
		"dice":{"key":"dice","rules":[{"clauses":[],"weight":5000}]},
		"self":{"key":"self","rules":[{"clauses":[{"op":"segmentMatch","values":["self"]}]}]},
		"big":{"key":"big","unbounded":true}}}`
}

func clause(body string) string {
	return darklyFlag(`"rules":[{"variation":0,"clauses":[{` + body + `}]}]`)
}

func TestLaunchDarklyClausesAnswerAsLaunchDarklyDoes(t *testing.T) {
	f := func(body string, context attributes, want bool) {
		t.Helper()
		r := from(t, convert.LaunchDarkly, clause(body))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, map[bool]string{true: "in", false: "out"}[want], answer("f", r.Flags["f"], context), "%s for %v", body, context)
	}
	in := `"attribute":"a","op":"in","values":["x",5,true]`
	for _, v := range []any{"x", 5, 5.0, true, []any{"q", "x"}, []any{5}} {
		f(in, who("u", "a", v), true)
		f(in+`,"negate":true`, who("u", "a", v), false)
	}
	for _, v := range []any{"X", "5", 0, false, "true", []any{"q"}, []any{}, map[string]any{"x": 1}} {
		f(in, who("u", "a", v), false)
		f(in+`,"negate":true`, who("u", "a", v), true)
	}
	// Who lacks the attribute meets no clause, negated or not.
	f(in, who("u"), false)
	f(in+`,"negate":true`, who("u"), false)
	f(`"attribute":"key","op":"in","values":["u"]`, who("u"), true)
	f(`"attribute":"key","op":"in","values":["u"],"negate":true`, who("v"), true)
	f(`"attribute":"key","op":"startsWith","values":["team-"]`, who("team-1"), true)
	f(`"attribute":"/address/city","op":"in","values":["Ulm"]`, who("u", "address", map[string]any{"city": "Ulm"}), true)
	f(`"attribute":"/a~1b","op":"in","values":["x"]`, who("u", "a/b", "x"), true)
	f(`"contextKind":"org","attribute":"key","op":"in","values":["acme"]`, who("u", "org", map[string]any{"key": "acme"}), true)
	f(`"contextKind":"org","attribute":"key","op":"in","values":["acme"],"negate":true`, who("u"), false)
	f(`"attribute":"kind","op":"in","values":["user"]`, who("u"), true)
	f(`"attribute":"kind","op":"in","values":["org"]`, who("u", "kind", "org"), true)
	f(`"attribute":"kind","op":"in","values":["user"],"negate":true`, who("u"), false)

	for _, c := range []struct {
		op, values string
		in, out    []any
	}{
		{"startsWith", `["ab","ü"]`, []any{"abc", "ab", "über", []any{"x", "abx"}}, []any{"a", "cab", 5, true, []any{}}},
		{"endsWith", `["ab",5]`, []any{"cab", "ab", []any{"x", "xab"}}, []any{"abc", "b", 5}},
		{"endsWith", `[""]`, []any{"x", ""}, []any{5, true}},
		{"contains", `["b"]`, []any{"abc", []any{"xbx"}}, []any{"ac", 5, []any{"x"}}},
		{"matches", `["^ab"]`, []any{"abc"}, []any{"cab", 5}},
		{"matches", `["(ab|cd)$"]`, []any{"xab"}, []any{"abx"}},
		{"matches", `["^ab$","x\\.y"]`, []any{"ab", "1x.y2"}, []any{"abc", "xzy"}},
		{"lessThan", `[5]`, []any{4, -1.5, []any{9, 3}}, []any{5, "4", true, false, []any{}, "x"}},
		{"lessThanOrEqual", `[5,"x"]`, []any{5}, []any{5.5, "5"}},
		{"greaterThan", `[5]`, []any{5.1}, []any{5, "6", true}},
		{"greaterThanOrEqual", `[0]`, []any{0, 1}, []any{-1, "", false, "0"}},
		{"before", `["2026-01-01T00:00:00Z"]`, []any{1767225599999}, []any{1767225600000, true}},
		{"after", `[1767225600000]`, []any{1767225600001}, []any{1767225600000}},
		{"semVerEqual", `["2"]`, []any{"2.0.0"}, []any{"2.0.1", "2.0.0-rc", "x", 2}},
		{"semVerLessThan", `["2.1"]`, []any{"2.0.9", "2.1.0-rc"}, []any{"2.1.0"}},
		{"semVerGreaterThan", `["2.1.0"]`, []any{"2.10.0"}, []any{"2.1.0", "v3.0.0"}},
	} {
		body := fmt.Sprintf(`"attribute":"a","op":%q,"values":%s`, c.op, c.values)
		for _, v := range c.in {
			f(body, who("u", "a", v), true)
			f(body+`,"negate":true`, who("u", "a", v), false)
		}
		for _, v := range c.out {
			f(body, who("u", "a", v), false)
			f(body+`,"negate":true`, who("u", "a", v), true)
		}
		f(body, who("u"), false)
		f(body+`,"negate":true`, who("u"), false)
	}

	staff := `"op":"segmentMatch","values":["staff"]`
	f(staff, who("boss"), true)
	f(staff, who("u", "email", "x@example.com"), true)
	f(staff, who("left", "email", "x@example.com"), false)
	f(staff, who("u", "org", map[string]any{"key": "acme"}), true)
	f(staff, who("u", "plan", "dice"), false)
	f(staff+`,"negate":true`, who("u"), true)
	f(`"op":"segmentMatch","values":["all"]`, who("boss"), true)
}

func TestLaunchDarklyFlags(t *testing.T) {
	f := func(body string, context attributes, want string) {
		t.Helper()
		r := from(t, convert.LaunchDarkly, darklyFlag(body))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, want, answer("f", r.Flags["f"], context), "%s for %v", body, context)
	}
	rules := `"rules":[{"variation":0,"clauses":[{"attribute":"plan","op":"in","values":["pro"]},{"attribute":"country","op":"in","values":["de"]}]},
		{"variation":2,"clauses":[{"attribute":"plan","op":"in","values":["pro"]}]}]`
	f(rules, who("u", "plan", "pro", "country", "de"), "in")
	f(rules, who("u", "plan", "pro"), "third")
	f(rules, who("u"), "out")
	f(rules+`,"on":false`, who("u", "plan", "pro"), "out")
	f(rules+`,"on":false,"offVariation":2`, who(""), "third")
	// The rules of a flag that is off are kept, and need a key where they deal out.
	off := from(t, convert.LaunchDarkly, darklyFlag(`"on":false,"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":5000},{"variation":2,"weight":95000}]}}`))
	require.Equal(t, "out", answer("f", off.Flags["f"], who("u")))
	require.Contains(t, texts(off, "f"), `LaunchDarkly gives "out" as long as the flag is off`)
	f(rules+`,"on":false,"offVariation":null`, who("u", "plan", "pro"), codeDefault)
	targets := rules + `,"targets":[{"values":["x"],"variation":2}],"contextTargets":[{"contextKind":"user","values":[],"variation":2},{"contextKind":"org","values":["acme"],"variation":0}]`
	f(targets, who("x", "plan", "pro", "country", "de"), "third")
	f(targets, who("u", "org", map[string]any{"key": "acme"}), "in")
	f(targets, who("u"), "out")
	// A rollout in which one has all is given to all. The last has what is left.
	f(`"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":0},{"variation":2,"weight":100000}]}}`, who(""), "third")
	f(`"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":0},{"variation":2,"weight":10}]}}`, who(""), "third")

	r := from(t, convert.LaunchDarkly, darklyFlag(`"fallthrough":{"rollout":{"contextKind":"user","variations":[{"variation":0,"weight":33333},{"variation":1,"weight":33333},{"variation":2,"weight":33334}]}}`))
	require.InDelta(t, 33.3, shareOf("third", "f", r.Flags["f"], nil), 2)
	require.Contains(t, texts(r, "f"), "SHA-1")
	r = from(t, convert.LaunchDarkly, darklyFlag(`"fallthrough":{"rollout":{"contextKind":"org","variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]}}`))
	require.Equal(t, "org.key", *r.Flags["f"].BucketingKey)
	require.Equal(t, 100., shareOf(answer("f", r.Flags["f"], who("u", "org", map[string]any{"key": "acme"})), "f", r.Flags["f"], attributes{"org": map[string]any{"key": "acme"}}))
	require.Contains(t, texts(r, "f"), "no text as org.key")
}

func TestLaunchDarklyPrerequisites(t *testing.T) {
	file := func(other string) string {
		return `{"flags":{"f":{"on":true,"variations":[true,false],"offVariation":1,"fallthrough":{"variation":0},"prerequisites":[{"key":"p","variation":0}]},
			"p":{"variations":["yes","no"],"offVariation":1,` + other + `}}}`
	}
	f := func(other string, context attributes, want string) {
		t.Helper()
		r := from(t, convert.LaunchDarkly, file(other))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, want, answer("f", r.Flags["f"], context))
		require.Contains(t, texts(r, "f"), "has no prerequisites")
	}
	f(`"on":true,"fallthrough":{"variation":0}`, who("u"), "true")
	f(`"on":true,"fallthrough":{"variation":1}`, who("u"), "false")
	// A prerequisite that is off is not met, whatever its off variation is.
	f(`"on":false,"fallthrough":{"variation":0}`, who("u"), "false")
	f(`"on":false,"offVariation":0,"fallthrough":{"variation":0}`, who("u"), "false")
	rules := `"on":true,"fallthrough":{"variation":1},"rules":[{"variation":1,"clauses":[{"attribute":"a","op":"in","values":[1]}]},{"variation":0,"clauses":[{"attribute":"b","op":"in","values":[1]}]}]`
	f(rules, who("u", "b", 1), "true")
	f(rules, who("u", "a", 1, "b", 1), "false")
	f(rules, who("u"), "false")

	leftOut := func(other, why string) {
		t.Helper()
		r := from(t, convert.LaunchDarkly, file(other))
		require.Contains(t, r.LeftOut, "f")
		require.Contains(t, texts(r, "f"), why)
	}
	leftOut(`"on":true,"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]}}`, "deals out shares")
	leftOut(`"on":true,"fallthrough":{"variation":0},"prerequisites":[{"key":"f","variation":0}]`, "depends on itself")
	leftOut(`"on":true,"fallthrough":{"variation":0},"prerequisites":[{"key":"gone","variation":0}]`, "which is left out")
}

func TestLaunchDarklyWhatIsLeftOut(t *testing.T) {
	f := func(body, path, why string) {
		t.Helper()
		r := from(t, convert.LaunchDarkly, darklyFlag(body))
		require.Equal(t, []string{"f"}, r.LeftOut)
		last := r.Remarks[len(r.Remarks)-1]
		require.Equal(t, path, last.Path)
		require.Contains(t, last.Text, why)
	}
	rule := func(clause string) string { return `"rules":[{"variation":0,"clauses":[{` + clause + `}]}]` }
	first := "flags.f.rules[0].clauses[0]"
	f(rule(`"attribute":"a","op":"matches","values":["a.*b"]`), first+".values[0]", "regular expressions")
	f(rule(`"attribute":"a","op":"matches","values":["(?i)ab"]`), first+".values[0]", "regular expressions")
	f(rule(`"attribute":"a","op":"unheardOf","values":["x"]`), first+".op", "unheardOf")
	f(rule(`"attribute":"a.b","op":"in","values":["x"]`), first+".attribute", `"a.b"`)
	f(rule(`"op":"segmentMatch","values":["gone"]`), first+".values[0]", "does not say who is in")
	f(rule(`"op":"segmentMatch","values":["dice"]`), "segments.dice.rules[0]", "share of the people")
	f(rule(`"op":"segmentMatch","values":["self"]`), "segments.self.rules[0].clauses[0].values[0]", "refers to itself")
	f(rule(`"op":"segmentMatch","values":["big"]`), "segments.big", "synchronized from elsewhere")
	f(`"offVariation":null,"prerequisites":[{"key":"f","variation":0}]`, "flags.f.prerequisites[0]", "depends on")
	f(`"fallthrough":{}`, "flags.f.fallthrough", "neither a variation nor a rollout")
}

func TestLaunchDarklyRepresentations(t *testing.T) {
	rest := `{"key":"f","name":"New page","kind":"boolean","temporary":true,"tags":["web"],"_maintainer":{"email":"ada@example.com"},
		"clientSideAvailability":{"usingEnvironmentId":false,"usingMobileKey":true},
		"variations":[{"_id":"1","value":true,"name":"Show"},{"_id":"2","value":false}],
		"environments":{"production":{"on":false,"offVariation":1,"fallthrough":{"variation":0},"targets":[],"rules":[]},
			"test":{"on":true,"offVariation":1,"fallthrough":{"variation":0},"targets":[{"values":["x"],"variation":1}]}}}`
	for _, file := range []string{rest, `[` + rest + `]`, `{"items":[` + rest + `],"totalCount":1}`, `{"flags":{"f":` + rest + `}}`} {
		_, err := convert.From(convert.LaunchDarkly, []byte(file), convert.Options{})
		require.ErrorContains(t, err, "production, test")
		r := from(t, convert.LaunchDarkly, file, convert.Options{Environment: "test"})
		require.Equal(t, "Show", answer("f", r.Flags["f"], who("u")))
		require.Equal(t, "false", answer("f", r.Flags["f"], who("x")))
		require.Equal(t, map[string]any{"name": "New page", "owner": "ada@example.com", "permanent": false, "tags": "web"}, *r.Flags["f"].Metadata)
		require.Contains(t, texts(r, "f"), "keeps it from browsers")
		r = from(t, convert.LaunchDarkly, file, convert.Options{Environment: "production"})
		require.Equal(t, "false", answer("f", r.Flags["f"], who("u")))
		require.Contains(t, texts(r, "f"), "it is off in production")
	}
	r := from(t, convert.LaunchDarkly, "flagValues:\n  a: true\n  b: some text\n  c: {x: 1}\n")
	require.Len(t, r.Flags, 3)
	require.Equal(t, "value", answer("b", r.Flags["b"], who("")))
	require.Equal(t, "some text", *(*r.Flags["b"].Variations)["value"])
}
