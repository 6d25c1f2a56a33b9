package flag

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const checkoutYAML = `
new-checkout:
  variations: {on: true, off: false}
  targeting:
    - name: beta
      query: email ew "@example.com"
      percentage: {on: 60, off: 40.0}
  defaultRule:
    name: everyone
    progressiveRollout:
      initial: {variation: off, percentage: 0, date: 2026-01-01T00:00:00+01:00}
      end: {variation: on, percentage: 100, date: 2026-02-01}
  scheduledRollout:
    - date: 2026-03-01T00:00:00Z
      targeting: [{name: beta, percentage: {on: 100, off: 0}}]
  experimentation: {start: 2025-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z}
  version: 1.10
  trackEvents: false
  metadata: {owner: pay, expires: 2026-12-31, tries: 3, seen: 2026-01-01T00:00:00Z}
limits:
  variations:
    low: {n: 1, list: [1, 2.5, a, true, {deep: 10}]}
    high: {n: 1000, list: []}
  defaultRule: {variation: low}
`

const checkoutTOML = `
[new-checkout]
version = "1.10"
trackEvents = false
[new-checkout.variations]
on = true
off = false
[[new-checkout.targeting]]
name = "beta"
query = "email ew \"@example.com\""
percentage = {on = 60, off = 40.0}
[new-checkout.defaultRule]
name = "everyone"
[new-checkout.defaultRule.progressiveRollout]
initial = {variation = "off", percentage = 0, date = 2026-01-01T00:00:00+01:00}
end = {variation = "on", percentage = 100, date = 2026-02-01T00:00:00Z}
[[new-checkout.scheduledRollout]]
date = 2026-03-01T00:00:00Z
targeting = [{name = "beta", percentage = {on = 100, off = 0}}]
[new-checkout.experimentation]
start = 2025-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
[new-checkout.metadata]
owner = "pay"
expires = 2026-12-31
tries = 3
seen = 2026-01-01T00:00:00Z
[limits.variations]
low = {n = 1, list = [1, 2.5, "a", true, {deep = 10}]}
high = {n = 1000, list = []}
[limits.defaultRule]
variation = "low"
`

const checkoutJSON = `{
"new-checkout": {
  "variations": {"on": true, "off": false},
  "targeting": [{"name": "beta", "query": "email ew \"@example.com\"", "percentage": {"on": 60, "off": 40}}],
  "defaultRule": {"name": "everyone", "progressiveRollout": {
    "initial": {"variation": "off", "percentage": 0, "date": "2026-01-01T00:00:00+01:00"},
    "end": {"variation": "on", "percentage": 100, "date": "2026-02-01T00:00:00Z"}}},
  "scheduledRollout": [{"date": "2026-03-01T00:00:00Z", "targeting": [{"name": "beta", "percentage": {"on": 100, "off": 0}}]}],
  "experimentation": {"start": "2025-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"},
  "version": "1.10", "trackEvents": false, "disable": null,
  "metadata": {"owner": "pay", "expires": "2026-12-31", "tries": 3, "seen": "2026-01-01T00:00:00Z"}},
"limits": {
  "variations": {"low": {"n": 1, "list": [1, 2.5, "a", true, {"deep": 10}]}, "high": {"n": 1e3, "list": []}},
  "defaultRule": {"variation": "low"}}}`

func TestTheThreeFormatsOfOneDefinitionAreEqual(t *testing.T) {
	want, err := ParseFile([]byte(checkoutJSON), JSON)
	require.NoError(t, err)
	require.Len(t, want, 2)
	for format, text := range map[Format]string{YAML: checkoutYAML, TOML: checkoutTOML} {
		got, err := ParseFile([]byte(text), format)
		require.NoError(t, err, format)
		require.Equal(t, want, got, format)
	}
}

func TestADefinitionSurvivesEachFormat(t *testing.T) {
	want, err := ParseFile([]byte(checkoutJSON), JSON)
	require.NoError(t, err)
	for _, format := range []Format{JSON, YAML, TOML} {
		text, err := MarshalFile(want, format)
		require.NoError(t, err, format)
		got, err := ParseFile(text, format)
		require.NoError(t, err, "%s", text)
		require.Equal(t, want, got, format)
	}
	for key, d := range want {
		body, err := json.Marshal(d)
		require.NoError(t, err)
		got, err := ParseDefinition(key, body, JSON)
		require.NoError(t, err)
		require.Equal(t, d, got)
		clone, err := Clone(d)
		require.NoError(t, err)
		require.Equal(t, d, clone)
	}
}

func TestYAMLKeepsWhatIsWritten(t *testing.T) {
	file, err := ParseFile([]byte(`
base: &base
  variations: {true: true, no: false, 1.0: true}
  defaultRule: {variation: true}
  version: 1.10
  trackEvents: yes
other:
  <<: *base
  defaultRule: {variation: 1.0}
`), YAML)
	require.NoError(t, err)
	require.Equal(t, []string{"1.0", "no", "true"}, sortedKeys(*file["base"].Variations))
	require.Equal(t, "1.10", *file["base"].Version)
	require.True(t, *file["base"].TrackEvents)
	require.Equal(t, "1.0", *file["other"].DefaultRule.VariationResult)
	require.Equal(t, "1.10", *file["other"].Version)
}

func TestWhatIsWrongIsToldWithItsPath(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, err := ParseDefinition("c", []byte(text), YAML)
		require.Error(t, err, text)
		var fields []string
		for _, e := range Problems(err) {
			fields = append(fields, e.Field)
		}
		require.Len(t, fields, len(want)/2, err.Error())
		for i := 0; i < len(want); i += 2 {
			require.Equal(t, want[i], fields[i/2])
			require.Contains(t, Problems(err)[i/2].Message, want[i+1])
		}
	}
	const onOff = "variations: {on: true, off: false}\n"
	const rest = "defaultRule: {variation: off}\n"
	f("[1]", "c", "must be a definition, and not a list")
	f("variations: {a: 1, b: x}\n"+"defaultRule: {variation: a}", "c.variations.b", `is a string, where "a" is a number`)
	f("variations: {a: null}\n"+"defaultRule: {variation: a}", "c.variations.a", "is null")
	f(rest, "c.variations", "has none", "c.defaultRule.variation", "there is no variation")
	f(onOff, "c.defaultRule", "is missing")
	f(onOff+"defaultRule: {}", "c.defaultRule", "gives nothing")
	f(onOff+"defaultRule: {variation: no}", "c.defaultRule.variation", `did you mean "on"`)
	f(onOff+"defaultRule: {percentage: {on: 10, of: 90}}", "c.defaultRule.percentage.of", `did you mean "off"`)
	f(onOff+"defaultRule: {percentage: {on: 10, off: 80}}", "c.defaultRule.percentage", "adds up to 90; it must be 100")
	f(onOff+"defaultRule: {percentage: {on: -10, off: 110}}", "c.defaultRule.percentage.off", "from 0 to 100", "c.defaultRule.percentage.on", "from 0 to 100")
	f(onOff+"defaultRule: {percentage: {}}", "c.defaultRule.percentage", "is empty")
	f(onOff+"defaultRule: {percentage: {on: ten}}", "c.defaultRule.percentage.on", "must be a number, and not a text")
	f(onOff+"defaultRule: {percentage: {on: .nan}}", "c.defaultRule.percentage.on", "must be a finite number")
	f(onOff+"default: {variation: off}", "c.default", `did you mean "defaultRule"`)
	f(onOff+rest+"targetin: []", "c.targetin", `did you mean "targeting"`)
	f(onOff+rest+"disable: 1", "c.disable", "must be true or false, and not a number")
	f(onOff+rest+"targeting: {}", "c.targeting", "must be a list of rules, and not an object")
	f(onOff+rest+"targeting: [{variation: on}]", "c.targeting[0].query", "is missing")
	f(onOff+rest+"targeting: [{variation: on, query: 'email =~ x'}]", "c.targeting[0].query", "is no query")
	f(onOff+rest+"targeting: [{variation: on, query: 'a eq 1 && b eq 2'}]", "c.targeting[0].query", `is not read from "b eq 2" on`)
	f(onOff+rest+"targeting: [{variation: on, query: '{\"nope\": [1]}'}]", "c.targeting[0].query", "no JsonLogic")
	f(onOff+rest+"targeting: [{variation: on, query: a pr, names: x}]", "c.targeting[0].names", `did you mean "name"`)
	f(onOff+rest+"targeting: [{name: x, variation: on, query: a pr}, {name: x, variation: on, query: a pr}]", "c.targeting[1].name", "name of targeting[0]")
	f(onOff+"defaultRule: {progressiveRollout: {initial: {variation: off}}}",
		"c.defaultRule.progressiveRollout.initial.date", "is missing", "c.defaultRule.progressiveRollout.end", "is missing")
	f(onOff+"defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-01-02}, end: {variation: on, date: 2026-01-01}}}",
		"c.defaultRule.progressiveRollout.end.date", "after initial.date")
	f(onOff+"defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-01-02, percentage: 50}, end: {variation: on, date: 2026-01-03, percentage: 20}}}",
		"c.defaultRule.progressiveRollout.end.percentage", "must not be below")
	f(onOff+rest+"experimentation: {start: 2026-01-02, end: 2026-01-01}", "c.experimentation.end", "after start")
	f(onOff+rest+"experimentation: {start: soon}", "c.experimentation.start", "RFC 3339")
	f(onOff+rest+"scheduledRollout: [{disable: true}]", "c.scheduledRollout[0].date", "is missing")
	f(onOff+rest+"scheduledRollout: [{date: 2026-01-01, metadata: {a: 1}}]", "c.scheduledRollout[0].metadata", "no effect")
	f(onOff+rest+"scheduledRollout: [{date: 2026-01-01, variations: {third: 3}}]", "c.scheduledRollout[0].variations.third", "all must be of one type")
	f(onOff+rest+"targeting: [{query: a pr, variation: on}]\nscheduledRollout: [{date: 2026-01-01, targeting: [{name: x, query: b pr, variation: maybe}]}]",
		"c.scheduledRollout[0].targeting[0].variation", "no variation")
	f(onOff+"defaultRule: {percentage: {on: 10, off: 90}}\nscheduledRollout: [{date: 2026-01-01, defaultRule: {percentage: {on: 20}}}]",
		"c.scheduledRollout[0].defaultRule.percentage", "adds up to 110")
	f(onOff+rest+"metadata: {permanent: maybe, expires: never, owner: [a]}",
		"c.metadata.owner", "must be a text", "c.metadata.permanent", "true or false", "c.metadata.expires", "is no date")
	f("variations: {SdkDefault: true}\n"+"defaultRule: {variation: SdkDefault}", "c.variations.SdkDefault", "another name")
}

func TestWeightsAreReadFromFiles(t *testing.T) {
	file, err := ParseFile([]byte(`{"w": {"variations": {"a": 1, "b": 2, "c": 3}, "defaultRule": {"percentage": {"a": 1, "b": 1, "c": 1}}}}`), JSON)
	require.NoError(t, err)
	require.Equal(t, Shares{"a": 33.333, "b": 33.333, "c": 33.333}, Flag{Definition: file["w"]}.Shares(epoch))
}

func TestAFileKeepsItsGoodDefinitions(t *testing.T) {
	file, err := ParseFile([]byte("good: {variations: {a: 1}, defaultRule: {variation: a}}\nbad: {}\n'no/key': {variations: {a: 1}, defaultRule: {variation: a}}\n"), YAML)
	require.Error(t, err)
	require.Equal(t, []string{"good"}, sortedKeys(file))
	require.Equal(t, "bad.variations", Problems(err)[0].Field)
}

func TestNoTextIsTooMuch(t *testing.T) {
	f := func(text string, format Format, want string) {
		t.Helper()
		_, err := ParseFile([]byte(text), format)
		require.ErrorContains(t, err, want)
	}
	f(strings.Repeat("[", 100_000), JSON, "nested deeper")
	f(`{"a": {"variations": {"x": 1, "x": 2}}}`, JSON, "a.variations.x: is there twice")
	f("{", JSON, "unexpected EOF")
	f("{}{}", JSON, "more after its end")
	f("a: 1\na: 2", YAML, "twice")
	f("--- {}\n--- {}", YAML, "more than one")
	f("a: !!binary aGk=", YAML, "tag")
	f("a = ", TOML, "no TOML")
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for i, c := 0, "abcdefghi"; i+1 < len(c); i++ {
		bomb += string(c[i+1]) + ": &" + string(c[i+1]) + " ["
		for range 10 {
			bomb += "*" + string(c[i]) + ","
		}
		bomb += "]\n"
	}
	f(bomb, YAML, "too large")
	f("a: &a {b: *a}", YAML, "")
}
