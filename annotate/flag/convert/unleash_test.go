package convert_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag/convert"
)

// unleashFlag is an answer of the client API with one feature, f.
func unleashFlag(strategies string) string {
	return `{"version":2,"features":[{"name":"f","type":"release","enabled":true,"strategies":` + strategies + `}],
		"segments":[{"id":7,"name":"germans","constraints":[{"contextName":"country","operator":"IN","values":["de"]}]}]}`
}

func constraint(body string) string {
	return unleashFlag(`[{"name":"default","constraints":[{` + body + `}]}]`)
}

func TestUnleashConstraintsAnswerAsUnleashDoes(t *testing.T) {
	f := func(body string, context attributes, want bool) {
		t.Helper()
		r := from(t, convert.Unleash, constraint(body))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, map[bool]string{true: "on", false: "off"}[want], answer("f", r.Flags["f"], context), "%s for %v", body, context)
	}
	in := `"contextName":"plan","operator":"IN","values":["pro"," team ","5","true"]`
	f(in, who("u", "plan", "pro"), true)
	f(in, who("u", "plan", "team"), true)
	f(in, who("u", "plan", 5), true)
	f(in, who("u", "plan", true), true)
	f(in, who("u", "plan", 0), false)
	f(in, who("u", "plan", "Pro"), false)
	f(in, who("u"), false)
	notIn := `"contextName":"plan","operator":"NOT_IN","values":["pro"]`
	f(notIn, who("u", "plan", "pro"), false)
	f(notIn, who("u", "plan", false), true)
	f(notIn, who("u"), true)
	f(notIn+`,"inverted":true`, who("u", "plan", "pro"), true)
	f(`"contextName":"userId","operator":"IN","values":["u"]`, who("u"), true)
	f(`"contextName":"userId","operator":"IN","values":["u"]`, who("v"), false)
	fold := `"contextName":"plan","operator":"IN","values":["Pro"],"caseInsensitive":true`
	f(fold, who("u", "plan", "pRO"), true)
	f(fold, who("u", "plan", "prof"), false)

	f(`"contextName":"email","operator":"STR_ENDS_WITH","values":["@a.com","@b.com"]`, who("u", "email", "x@b.com"), true)
	f(`"contextName":"email","operator":"STR_ENDS_WITH","values":["@a.com","@b.com"]`, who("u", "email", "x@B.com"), false)
	f(`"contextName":"email","operator":"STR_ENDS_WITH","values":["@b.com"],"caseInsensitive":true`, who("u", "email", "x@B.com"), true)
	f(`"contextName":"email","operator":"STR_ENDS_WITH","values":["@b.com"]`, who("u"), false)
	f(`"contextName":"email","operator":"STR_ENDS_WITH","values":["@b.com"],"inverted":true`, who("u"), true)
	f(`"contextName":"id","operator":"STR_STARTS_WITH","values":["49"]`, who("u", "id", 4912), true)
	f(`"contextName":"id","operator":"STR_STARTS_WITH","values":["49"],"inverted":true`, who("u", "id", true), true)
	f(`"contextName":"id","operator":"STR_CONTAINS","values":["x","y"]`, who("u", "id", "ayb"), true)
	f(`"contextName":"id","operator":"STR_CONTAINS","values":[]`, who("u", "id", "ayb"), false)

	for _, c := range []struct {
		op      string
		in, out []any
	}{
		{"NUM_EQ", []any{12, "12", "12.0"}, []any{13, "x", true, ""}},
		{"NUM_LT", []any{11, "11.9", -1}, []any{12, "x", false, ""}},
		{"NUM_LTE", []any{12, 0}, []any{12.5, ""}},
		{"NUM_GT", []any{13, "100"}, []any{12, "9"}},
		{"NUM_GTE", []any{12, "12"}, []any{11}},
	} {
		body := fmt.Sprintf(`"contextName":"n","operator":%q,"value":"12"`, c.op)
		for _, v := range c.in {
			f(body, who("u", "n", v), true)
			f(body+`,"inverted":true`, who("u", "n", v), false)
		}
		for _, v := range c.out {
			f(body, who("u", "n", v), false)
		}
		f(body, who("u"), false)
		f(body+`,"inverted":true`, who("u"), true)
	}
	f(`"contextName":"v","operator":"SEMVER_GT","value":"1.2.3"`, who("u", "v", "1.10.0"), true)
	f(`"contextName":"v","operator":"SEMVER_GT","value":"1.2.3"`, who("u", "v", "1.2.3"), false)
	f(`"contextName":"v","operator":"SEMVER_EQ","value":"1.2.3"`, who("u", "v", "1.2.3"), true)
	f(`"contextName":"v","operator":"SEMVER_LT","value":"1.2.3","inverted":true`, who("u", "v", "1.2.2"), false)
	f(`"contextName":"v","operator":"SEMVER_LT","value":"1.2.3"`, who("u"), false)

	after := `"contextName":"currentTime","operator":"DATE_AFTER","value":"2026-01-01T01:00:00+01:00"`
	f(after, at("2025-12-31T23:59:59Z", who("u")), false)
	f(after, at("2026-01-01T00:00:01Z", who("u")), true)
	f(after+`,"inverted":true`, at("2026-01-01T00:00:01Z", who("u")), false)
	f(`"contextName":"currentTime","operator":"DATE_BEFORE","value":"2026-01-01T00:00:00Z"`, at("2025-12-31T23:59:59Z", who("u")), true)
	f(`"contextName":"currentTime","operator":"DATE_BEFORE","value":"2026-01-01T00:00:00Z"`, at("2026-01-01T00:00:00Z", who("u")), false)

	cidr := `"contextName":"remoteAddress","operator":"IN_CIDR","values":["10.0.0.0/8","192.168.16.0/20","172.16.1.128/30","127.0.0.1","2001:db8::1"]`
	for _, ip := range []string{"10.255.0.1", "192.168.31.9", "172.16.1.131", "127.0.0.1", "2001:db8::1"} {
		f(cidr, who("u", "remoteAddress", ip), true)
	}
	for _, ip := range []string{"11.0.0.1", "192.168.32.9", "172.16.1.132", "127.0.0.10", "2001:db8::2", "110.0.0.1"} {
		f(cidr, who("u", "remoteAddress", ip), false)
	}
	f(cidr, who("u"), false)
}

func TestUnleashStrategies(t *testing.T) {
	f := func(strategies string, context attributes, want string) {
		t.Helper()
		r := from(t, convert.Unleash, unleashFlag(strategies))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, want, answer("f", r.Flags["f"], context), "%s for %v", strategies, context)
	}
	f(`[]`, who("u"), "on")
	f(`[{"name":"default"}]`, who(""), "on")
	f(`[{"name":"default","disabled":true}]`, who("u"), "off")
	f(`[{"name":"userWithId","parameters":{"userIds":"a, b,,c"}}]`, who("b"), "on")
	f(`[{"name":"userWithId","parameters":{"userIds":"a, b,,c"}}]`, who(""), "off")
	f(`[{"name":"remoteAddress","parameters":{"IPs":"10.1.0.0/16, 127.0.0.1"}}]`, who("u", "remoteAddress", "10.1.2.3"), "on")
	f(`[{"name":"applicationHostname","parameters":{"hostNames":"Web-1,web-2"}}]`, who("u", "hostname", "web-1"), "on")
	f(`[{"name":"default","segments":[7]}]`, who("u", "country", "de"), "on")
	f(`[{"name":"default","segments":[7]}]`, who("u"), "off")
	f(`[{"name":"default","segments":[7]},{"name":"userWithId","parameters":{"userIds":"a"}}]`, who("a"), "on")
	f(`[{"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"default","groupId":"f"}}]`, who(""), "on")
	f(`[{"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"userId","groupId":"f"}}]`, who(""), "off")
	f(`[{"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"sessionId","groupId":"f"}}]`, who("u", "sessionId", "s"), "on")
	f(`[{"name":"flexibleRollout","parameters":{"rollout":0,"stickiness":"default"}}]`, who("u"), "off")
	f(`[{"name":"gradualRolloutRandom","parameters":{"percentage":"100"}}]`, who("u"), "on")
	f(`[{"name":"gradualRolloutUserId","parameters":{"percentage":"0"}}]`, who("u"), "off")
	// Who meets a strategy for everybody is enabled, whatever the others deal out.
	f(`[{"name":"gradualRolloutUserId","parameters":{"percentage":"1"}},{"name":"userWithId","parameters":{"userIds":"a"}}]`, who("a"), "on")
}

// Strategies of one group enable for as many as the largest of those that
// somebody meets: in Unleash, they have the same people in front.
func TestUnleashStrategiesOfOneGroupEnableForTheLargestShare(t *testing.T) {
	r := from(t, convert.Unleash, unleashFlag(`[
		{"name":"flexibleRollout","parameters":{"rollout":"20","stickiness":"default","groupId":"f"}},
		{"name":"flexibleRollout","parameters":{"rollout":"60","stickiness":"default","groupId":"f"},"constraints":[{"contextName":"plan","operator":"IN","values":["pro"]}]}]`))
	def := r.Flags["f"]
	require.InDelta(t, 20, shareOf("on", "f", def, nil), 2)
	require.InDelta(t, 60, shareOf("on", "f", def, attributes{"plan": "pro"}), 2)
	require.NotContains(t, texts(r, "f"), "larger of the two")
	r = from(t, convert.Unleash, unleashFlag(`[{"name":"flexibleRollout","parameters":{"rollout":"20","groupId":"a"}},{"name":"flexibleRollout","parameters":{"rollout":"60","groupId":"b"}}]`))
	require.Contains(t, texts(r, "f"), "larger of the two shares")
}

func TestUnleashVariants(t *testing.T) {
	r := from(t, convert.Unleash, unleashFlag(`[{"name":"flexibleRollout","parameters":{"rollout":"50","stickiness":"default","groupId":"f"},
		"variants":[{"name":"blue","weight":250,"payload":{"type":"json","value":"{\"color\":\"blue\"}"},"stickiness":"default"},
			{"name":"red","weight":750,"payload":{"type":"json","value":"{\"color\":\"red\"}"},"stickiness":"default"}]}]`))
	def := r.Flags["f"]
	require.InDelta(t, 12.5, shareOf("blue", "f", def, nil), 2)
	require.InDelta(t, 37.5, shareOf("red", "f", def, nil), 2)
	require.InDelta(t, 50, shareOf("disabled", "f", def, nil), 2)
	require.Equal(t, map[string]any{"color": "red"}, *(*def.Variations)["red"])
	require.Equal(t, map[string]any{}, *(*def.Variations)["disabled"])
	require.Contains(t, texts(r, "f"), "has to ask for the value")

	r = from(t, convert.Unleash, `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default"}],"variants":[
		{"name":"a","weight":500,"overrides":[{"contextName":"userId","values":["x"]}]},{"name":"b","weight":500}]}]}`)
	require.Equal(t, "a", answer("f", r.Flags["f"], who("x")))
	require.InDelta(t, 50, shareOf("b", "f", r.Flags["f"], nil), 2)
}

func TestUnleashParents(t *testing.T) {
	f := func(parent, dependency string, context attributes, want string) {
		t.Helper()
		r := from(t, convert.Unleash, `{"features":[{"name":"f","enabled":true,"strategies":[{"name":"default"}],"dependencies":[`+dependency+`]},`+parent+`]}`)
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, want, answer("f", r.Flags["f"], context))
		require.Contains(t, texts(r, "f"), "has no dependencies")
	}
	pro := `{"name":"p","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":"plan","operator":"IN","values":["pro"]}]}]}`
	f(pro, `{"feature":"p"}`, who("u", "plan", "pro"), "on")
	f(pro, `{"feature":"p"}`, who("u"), "off")
	f(pro, `{"feature":"p","enabled":false}`, who("u"), "on")
	f(`{"name":"p","enabled":false,"strategies":[]}`, `{"feature":"p"}`, who("u"), "off")
	f(`{"name":"p","enabled":true,"strategies":[]}`, `{"feature":"p"}`, who("u"), "on")

	r := from(t, convert.Unleash, `{"features":[{"name":"f","enabled":true,"dependencies":[{"feature":"p"}]},
		{"name":"p","enabled":true,"strategies":[{"name":"gradualRolloutUserId","parameters":{"percentage":"5"}}]},
		{"name":"g","enabled":true,"dependencies":[{"feature":"gone"}]}]}`)
	require.Equal(t, []string{"f", "g"}, r.LeftOut)
	require.Contains(t, texts(r, "f"), "share of the people")
	require.Contains(t, texts(r, "g"), "not in the file")
}

func TestUnleashWhatIsLeftOut(t *testing.T) {
	f := func(strategies, path, why string) {
		t.Helper()
		r := from(t, convert.Unleash, unleashFlag(strategies))
		require.Equal(t, []string{"f"}, r.LeftOut)
		last := r.Remarks[len(r.Remarks)-1]
		require.Equal(t, path, last.Path)
		require.Contains(t, last.Text, why)
	}
	f(`[{"name":"ours"}]`, "features[0].strategies[0].name", "an application brings along")
	f(`[{"name":"default","segments":[8]}]`, "features[0].strategies[0].segments[0]", "client API")
	f(`[{"name":"default","constraints":[{"contextName":"a","operator":"REGEX","value":"x"}]}]`, "features[0].strategies[0].constraints[0].operator", "REGEX")
	f(`[{"name":"default","constraints":[{"contextName":"key","operator":"IN","values":["x"]}]}]`, "features[0].strategies[0].constraints[0].contextName", `"key"`)
	f(`[{"name":"default","constraints":[{"contextName":"n","operator":"NUM_EQ","value":"x"}]}]`, "features[0].strategies[0].constraints[0]", "no number")
}

func TestUnleashEnvironments(t *testing.T) {
	file := `{"features":[{"name":"f"}],"featureStrategies":[{"featureName":"f","environment":"production","name":"default"}],
		"featureEnvironments":[{"featureName":"f","environment":"development","enabled":true},{"featureName":"f","environment":"production","enabled":false}]}`
	_, err := convert.From(convert.Unleash, []byte(file), convert.Options{})
	require.ErrorContains(t, err, "development, production")
	require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
	_, err = convert.From(convert.Unleash, []byte(file), convert.Options{Environment: "staging"})
	require.ErrorContains(t, err, "development, production")

	r := from(t, convert.Unleash, file, convert.Options{Environment: "development"})
	require.Equal(t, "on", answer("f", r.Flags["f"], who("u")))
	r = from(t, convert.Unleash, file, convert.Options{Environment: "production"})
	require.Equal(t, "off", answer("f", r.Flags["f"], who("")))
	require.Contains(t, texts(r, "f"), "it is off in production")
}
