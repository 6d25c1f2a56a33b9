package convert_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/flag/convert"
)

// flagdFlag is a file with one flag, f, with the variants on, off and third.
func flagdFlag(targeting string) string {
	return fmt.Sprintf(`{"flags":{"f":{"state":"ENABLED","variants":{"on":"1","off":"0","third":"3","true":"t","false":"f"},
		"defaultVariant":"off","targeting":%s}},
		"$evaluators":{"staff":{"ends_with":[{"var":"email"},"@example.com"]}}}`, targeting)
}

// What flagd's documentation says of each operation, held against what the
// library makes of the definition.
func TestFlagdTargetingAnswersAsFlagdDoes(t *testing.T) {
	f := func(targeting string, context attributes, want string) {
		t.Helper()
		r := from(t, convert.Flagd, flagdFlag(targeting))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, want, answer("f", r.Flags["f"], context), "%s for %v", targeting, context)
	}

	chain := `{"if":[{"==":[{"var":"plan"},"free"]},"third",{"in":[{"var":"country"},["de","fr"]]},"on"]}`
	f(chain, who("u", "plan", "free", "country", "de"), "third")
	f(chain, who("u", "plan", "pro", "country", "de"), "on")
	f(chain, who("u", "plan", "pro"), "off")
	f(chain, who(""), "off")

	nested := `{"if":[{"in":["@example.com",{"var":"email"}]},{"if":[{"<":[{"var":"age"},18]},"third",null]},"on"]}`
	f(nested, who("u", "email", "a@example.com", "age", 12), "third")
	f(nested, who("u", "email", "a@example.com", "age", 20), "off") // null is the default variant
	f(nested, who("u", "email", "a@other.com", "age", 12), "on")
	f(nested, who("u"), "on")

	f(`{"if":[true,"on"]}`, who("u"), "on")
	f(`{"if":[false,"on",{"!":[{"var":"beta"}]},"third","on"]}`, who("u", "beta", true), "on")
	f(`{"if":[false,"on",{"!":[{"var":"beta"}]},"third","on"]}`, who("u"), "third")
	f(`{"?:":[{"!!":[{"var":"beta"}]},"on","third"]}`, who("u", "beta", 0), "third")

	starts := `{"if":[{"starts_with":[{"var":"email"},"ä@"]},"on","third"]}`
	f(starts, who("u", "email", "ä@example.com"), "on")
	f(starts, who("u", "email", "a@example.com"), "third")
	f(starts, who("u", "email", 5), "third")
	f(starts, who("u", "email", true), "third")
	f(starts, who("u"), "third")
	f(`{"if":[{"!":[{"starts_with":[{"var":"email"},"a"]}]},"on","third"]}`, who("u", "email", true), "on")
	ends := `{"if":[{"ends_with":[{"var":"email"},"@example.com"]},"on","third"]}`
	f(ends, who("u", "email", "a@example.com"), "on")
	f(ends, who("u", "email", "example.com"), "third")
	f(ends, who("u", "email", "com"), "third")
	f(ends, who("u"), "third")

	for _, c := range []struct {
		op, version string
		in, out     []string
	}{
		{"=", "1.2.3", []string{"1.2.3"}, []string{"1.2.4", "1.2.3-rc.1", "x"}},
		{"!=", "1.2.3", []string{"1.2.4"}, []string{"1.2.3", "x"}},
		{"<", "2.0.0", []string{"1.9.9", "2.0.0-rc.1"}, []string{"2.0.0", "x"}},
		{"<=", "2.0.0", []string{"2.0.0"}, []string{"2.0.1"}},
		{">", "v2", []string{"2.0.1", "10.0.0"}, []string{"2.0.0", "1.10.0"}},
		{">=", "2.0.0", []string{"2.0.0", "2.0.0+build"}, []string{"2.0.0-rc.1"}},
		{"~", "1.2.3", []string{"1.2.0", "1.2.99", "1.2.0-alpha"}, []string{"1.3.0", "1.3.0-alpha", "1.1.9"}},
		{"^", "1.2.3", []string{"1.0.0", "1.99.0", "1.0.0-alpha"}, []string{"2.0.0", "2.0.0-alpha", "0.9.0"}},
	} {
		versions := fmt.Sprintf(`{"if":[{"sem_ver":[{"var":"version"},%q,%q]},"on","third"]}`, c.op, c.version)
		for _, v := range c.in {
			f(versions, who("u", "version", v), "on")
		}
		for _, v := range c.out {
			f(versions, who("u", "version", v), "third")
		}
		f(versions, who("u"), "third")
	}
	apps := `{"if":[{"and":[{"sem_ver":[{"var":"version"},">=","2.0.0"]},{"in":[{"var":"platform"},["ios","android"]]},{"!":[{"==":[{"var":"plan"},"free"]}]}]},"on","third"]}`
	f(apps, who("u", "version", "2.1.0", "platform", "ios"), "on")
	f(apps, who("u", "version", "2.1.0", "platform", "ios", "plan", "free"), "third")
	f(apps, who("u", "version", "2.1.0", "platform", "web"), "third")
	f(apps, who("u", "version", "1.1.0", "platform", "ios"), "third")
	// Alternatives that need both query languages become a rule each.
	mixed := `{"if":[{"or":[{"sem_ver":[{"var":"version"},">=","2.0.0"]},{">":[{"var":"age"},60]}]},"on","third"]}`
	f(mixed, who("u", "version", "2.1.0"), "on")
	f(mixed, who("u", "age", 61), "on")
	f(mixed, who("u", "age", 6), "third")

	f(`{"if":[{"$ref":"staff"},"on","third"]}`, who("u", "email", "a@example.com"), "on")
	f(`{"if":[{"!":[{"$ref":"staff"}]},"on","third"]}`, who("u", "email", "a@example.com"), "third")
	f(`{"if":[{"==":[{"var":"$flagd.flagKey"},"f"]},"on","third"]}`, who("u"), "on")

	// Booleans, and conditions, stand for the variants true and false.
	f(`{"if":[{"var":"beta"},true,false]}`, who("u", "beta", 1), "true")
	f(`{"in":[{"var":"country"},["de","fr"]]}`, who("u", "country", "fr"), "true")
	f(`{"in":[{"var":"country"},["de","fr"]]}`, who("u"), "false")
	f(`{"ends_with":[{"var":"email"},"@example.com"]}`, who("u", "email", "a@example.com"), "true")
	f(`{"ends_with":[{"var":"email"},"@example.com"]}`, who("u", "email", "a@other.com"), "false")
	f(`{"ends_with":[{"var":"email"},"@example.com"]}`, who("u"), "off")
	f(`{"sem_ver":[{"var":"version"},">=","2.0.0"]}`, who("u", "version", "3.0.0"), "true")

	// The name of a variant may come from the context.
	f(`{"var":"variant"}`, who("u", "variant", "third"), "third")
	f(`{"var":"variant"}`, who("u", "variant", true), "true")
	f(`{"var":"variant"}`, who("u"), "off")
	f(`{"var":["variant","on"]}`, who("u"), "on")
	f(`{"or":[{"var":"variant"},"third"]}`, who("u"), "third")
	f(`{"if":[{"var":"a"},{"cat":["th","ird"]},"on"]}`, who("u", "a", 1), "third")

	// One variant with all of the weight is given to all who have a targeting key.
	f(`{"fractional":[["on",100],["third",0]]}`, who("u"), "on")
	f(`{"fractional":[["on",100],["third",0]]}`, who(""), "off")
	f(`{"fractional":[["on",0],["third",0]]}`, who("u"), "off")
}

func TestFlagdTimeBecomesASchedule(t *testing.T) {
	f := func(targeting string, time string, want string) {
		t.Helper()
		r := from(t, convert.Flagd, flagdFlag(targeting))
		require.Contains(t, r.Flags, "f", texts(r, "f"))
		require.Equal(t, want, answer("f", r.Flags["f"], at(time, who("u", "plan", "pro"))), "%s at %s", targeting, time)
	}
	// 1767225600 is the first second of 2026, 1769904000 that of February.
	january := `{"if":[{"and":[{">=":[{"var":"$flagd.timestamp"},1767225600]},{"<":[{"var":"$flagd.timestamp"},1769904000]},{"==":[{"var":"plan"},"pro"]}]},"on","third"]}`
	f(january, "2025-12-31T23:59:59Z", "third")
	f(january, "2026-01-01T00:00:00Z", "on")
	f(january, "2026-01-31T23:59:59Z", "on")
	f(january, "2026-02-01T00:00:00Z", "third")
	f(`{"if":[{"<":[1767225600,{"var":"$flagd.timestamp"},1769904000]},"on",null]}`, "2026-01-01T00:00:00Z", "off")
	f(`{"if":[{"<":[1767225600,{"var":"$flagd.timestamp"},1769904000]},"on",null]}`, "2026-01-01T00:00:01Z", "on")
	f(`{"if":[{">":[{"var":"$flagd.timestamp"},1767225600]},{"if":[{"==":[{"var":"plan"},"pro"]},"on","third"]},"off"]}`, "2026-01-01T00:00:00Z", "off")
	f(`{"if":[{">":[{"var":"$flagd.timestamp"},1767225600]},{"if":[{"==":[{"var":"plan"},"pro"]},"on","third"]},"off"]}`, "2026-01-01T00:00:01Z", "on")

	ramp := `{"fractional":[["on",{"-":[{"var":"$flagd.timestamp"},1767225600]}],["off",{"-":[1769904000,{"var":"$flagd.timestamp"}]}]]}`
	f(ramp, "2025-12-31T00:00:00Z", "off")
	f(ramp, "2026-02-01T00:00:00Z", "on")
	r := from(t, convert.Flagd, flagdFlag(ramp))
	on := 0
	for i := range 4000 {
		if answer("f", r.Flags["f"], at("2026-01-16T12:00:00Z", who(fmt.Sprint("user-", i)))) == "on" {
			on++
		}
	}
	require.InDelta(t, 2000, on, 200)
}

func TestFlagdStateAndDefault(t *testing.T) {
	f := func(flag, want string) {
		t.Helper()
		r := from(t, convert.Flagd, `{"flags":{"f":`+flag+`}}`)
		require.Equal(t, want, answer("f", r.Flags["f"], who("u")), texts(r, "f"))
	}
	f(`{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}`, "on")
	f(`{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on","targeting":{}}`, "on")
	f(`{"state":"DISABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}`, codeDefault)
	f(`{"state":"DISABLED","variants":{"on":true,"off":false},"targeting":{"if":[{"var":"a"},"on"]}}`, codeDefault)
	f(`{"state":"DISABLED","variants":{"on":true,"off":false},"defaultVariant":"on","targeting":{"nonsense":[1]}}`, codeDefault)
	f(`{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":null}`, codeDefault)
	f(`{"state":"ENABLED","variants":{"on":true,"off":false}}`, codeDefault)
	f(`{"state":"ENABLED","variants":{"on":true,"off":false},"targeting":{"if":[{"var":"a"},"on","off"]}}`, "off")
}

func TestFlagdWhatIsLeftOut(t *testing.T) {
	f := func(targeting, path, why string) {
		t.Helper()
		r := from(t, convert.Flagd, flagdFlag(targeting))
		require.Equal(t, []string{"f"}, r.LeftOut)
		last := r.Remarks[len(r.Remarks)-1]
		require.Equal(t, path, last.Path)
		require.Contains(t, last.Text, why)
		require.True(t, last.Lost)
	}
	f(`{"if":[{"var":"a"},"purple","off"]}`, "flags.f.targeting.if[1]", "purple is not one of the variants")
	f(`{"fractional":[["on",{"if":[{"var":"a"},10,20]}],["off",50]]}`, "flags.f.targeting.fractional[0][1]", "a weight is computed")
	f(`{"fractional":[[{"if":[{"var":"a"},"on","off"]},10],["off",50]]}`, "flags.f.targeting.fractional[0][0]", "a variant is computed")
	f(`{"fractional":["fixed",["on",10],["off",50]]}`, "flags.f.targeting.fractional[0]", "one and the same variant")
	f(`{"fractional":[["purple",10],["off",50]]}`, "flags.f.targeting.fractional[0][0]", "purple")
	f(`{"if":[{"==":[{"%":[{"var":"$flagd.timestamp"},2]},0]},"on"]}`, "flags.f.targeting.if[0].==[0].%[0]", "$flagd.timestamp")
	f(`{"if":[{"and":[{"sem_ver":[{"var":"v"},">","1.0.0"]},{">":[{"var":"age"},3]}]},"on"]}`, "flags.f.targeting.if[1]", "JsonLogic alone")
	f(`{"if":[{"sem_ver":[{"var":"app.version"},">","1.0.0"]},"on"]}`, "flags.f.targeting.if[1]", "cannot name the attribute app.version")
	f(`{"if":[{"unheard_of":[1]},"on"]}`, "flags.f", "no JsonLogic")

	r := from(t, convert.Flagd, `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"targeting":{"if":[{"var":"a"},"on"]}}}}`)
	require.Contains(t, texts(r, "f"), "who meets no rule gets no variation")
	r = from(t, convert.Flagd, `{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":"no"},"defaultVariant":"on"}}}`)
	require.Contains(t, texts(r, "f"), "all must be of one type")
}
