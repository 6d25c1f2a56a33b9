package convert_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/convert"
)

// fuzz runs From on whatever comes, as a file and as a part of one: it never
// panics, and what it returns is valid for GO Feature Flag's library, and can be
// written and read again.
func fuzz(f *testing.F, format string, file func(part string) string, parts ...string) {
	files, err := filepath.Glob(filepath.Join("testdata", format+"-*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, ".golden") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "production")
	}
	for _, part := range parts {
		f.Add([]byte(part), "")
	}
	f.Fuzz(func(t *testing.T, data []byte, environment string) {
		for _, data := range [][]byte{data, []byte(file(string(data)))} {
			r, err := convert.From(format, data, convert.Options{Environment: environment})
			if err != nil {
				continue
			}
			for key, def := range r.Flags {
				converted := def.Convert()
				if err := converted.IsValid(); err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				for _, a := range []attributes{who(""), who("u", "a", 1, "email", "x@example.com"), at("2030-01-01T00:00:00Z", who("u"))} {
					answer(key, def, a)
				}
			}
			out, err := convert.Export(r.Flags, flag.JSON)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := convert.From(convert.GOFF, out, convert.Options{}); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
	})
}

func FuzzFlagd(f *testing.F) {
	fuzz(f, convert.Flagd, flagdFlag,
		`{"if":[{"sem_ver":[{"var":"v"},"^","1.2"]},"on",{"<=":[1,{"var":"$flagd.timestamp"},3]},{"var":["a","on"]}]}`,
		`{"fractional":[{"var":"email"},["on",1],["off",{"-":[3,{"var":"$flagd.timestamp"}]}]]}`,
		`{"fractional":[["on",{"-":[{"var":"$flagd.timestamp"},1]}],["off",{"-":[3,{"var":"$flagd.timestamp"}]}]]}`,
		`{"or":[{"starts_with":[{"var":"a"},"b"]},{"missing":["c"]},{"!":[{"$ref":"staff"}]}]}`,
		`{"if":[{"and":[{"==":[{"var":"a"},"b"]},{"sem_ver":[{"var":"v"},">","1.0.0"]}]},null]}`)
}

func FuzzUnleash(f *testing.F) {
	fuzz(f, convert.Unleash, unleashFlag,
		`[{"name":"default","segments":[7],"constraints":[{"contextName":"remoteAddress","operator":"IN_CIDR","values":["10.0.0.0/9"],"inverted":true}]}]`,
		`[{"name":"gradualRolloutSessionId","parameters":{"percentage":12.5},"variants":[{"name":"a","weight":1,"payload":{"type":"json","value":"[1]"}}]}]`,
		`[{"name":"default","constraints":[{"contextName":"currentTime","operator":"DATE_AFTER","value":"2026-01-01T00:00:00Z"},{"contextName":"v","operator":"SEMVER_GT","value":"1.2.3"}]}]`,
		`[{"name":"userWithId","parameters":{"userIds":"a,b"}},{"name":"flexibleRollout","parameters":{"rollout":"5","stickiness":"x"}}]`)
}

func FuzzLaunchDarkly(f *testing.F) {
	fuzz(f, convert.LaunchDarkly, darklyFlag,
		`"rules":[{"variation":0,"clauses":[{"op":"segmentMatch","values":["staff"],"negate":true}]}]`,
		`"rules":[{"variation":0,"clauses":[{"attribute":"/a/b","op":"matches","values":["^(a|b)[cd]?$"]},{"attribute":"c","op":"lessThan","values":[5]}]}]`,
		`"prerequisites":[{"key":"f","variation":0}],"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":1},{"variation":1,"weight":2}],"bucketBy":"/a/b"}}`,
		`"targets":[{"values":["a"],"variation":1}],"contextTargets":[{"contextKind":"user","variation":1}],"on":false`)
}

func FuzzGOFF(f *testing.F) {
	fuzz(f, convert.GOFF, func(part string) string { return `{"f":{"variations":{"on":true,"off":false},` + part + `}}` },
		`"targeting":[{"query":"a eq 1","percentage":{"on":10,"off":90}}],"defaultRule":{"variation":"off"}`)
}
