package flag

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dice makes random definitions and contexts. Its seed is in the log of the test.
type dice struct {
	*rand.Rand
	t testing.TB
}

func newDice(t testing.TB, seed uint64) dice {
	t.Logf("seed %d", seed)
	return dice{rand.New(rand.NewPCG(seed, 1)), t}
}

func (d dice) one(of ...string) string { return of[d.IntN(len(of))] }
func (d dice) in(n int) bool           { return d.IntN(n) == 0 }

// date is within some days of epoch, often on a whole day.
func (d dice) date() time.Time {
	at := epoch.AddDate(0, 0, d.IntN(41)-20)
	if d.in(3) {
		at = at.Add(time.Duration(d.IntN(86_400_000)) * time.Millisecond)
	}
	return at
}

// percentages add up to 100, in thousandths, tenths or tens.
func (d dice) percentages(variations []string) map[string]float64 {
	unit := []int{1, 100, 10_000}[d.IntN(3)]
	parts := 100_000 / unit
	shares := map[string]float64{}
	for i, name := range variations {
		part := parts
		if i < len(variations)-1 {
			part = d.IntN(parts + 1)
		}
		parts -= part
		// As JSON writes it: the double that is nearest to the decimal.
		value, _ := strconv.ParseFloat(fmt.Sprintf("%.3f", float64(part*unit)/1000), 64)
		shares[name] = value
	}
	return shares
}

func (d dice) query() string {
	return d.one(
		`targetingKey eq "u1"`, `email ew "@example.com"`, `age ge 30 and plan in ["pro", "team"]`, `age lt 1.5 or beta eq true`,
		`not (country sw "n")`, `company.size gt 10`, `company.name pr`, `anonymous eq true`, `version gt 1.2.3`, `key co "7"`,
		`missing.deep.path eq 1`, `plan eq null`,
		`{"==": [{"var": "plan"}, "pro"]}`, `{">": [{"var": "age"}, 30]}`, `{"in": [{"var": "country"}, ["nl", "de"]]}`,
		`{"var": "beta"}`, `{"var": "company.size"}`, `{"cat": [{"var": "plan"}]}`, `{"filter": [{"var": "tags"}, {"==": [{"var": ""}, "x"]}]}`,
		`{"reduce": [{"var": "tags"}, {"+": [1, {"var": "accumulator"}]}, 0]}`,
	)
}

func (d dice) rule(variations []string, index int) map[string]any {
	rule := map[string]any{}
	if index >= 0 {
		rule["query"] = d.query()
		if d.in(2) {
			rule["name"] = fmt.Sprintf("r%d", index)
		}
		if d.in(6) {
			rule["disable"] = d.in(2)
		}
	}
	switch d.IntN(4) {
	case 0:
		rule["progressiveRollout"] = d.progressive(variations)
	case 1, 2:
		rule["percentage"] = d.percentages(variations)
	default:
		rule["variation"] = d.one(variations...)
	}
	return rule
}

func (d dice) progressive(variations []string) map[string]any {
	start := d.date()
	low := float64(d.IntN(60))
	initial := map[string]any{"variation": d.one(variations...), "percentage": low, "date": start}
	end := map[string]any{"variation": d.one(variations...), "percentage": low + float64(d.IntN(41)), "date": start.Add(time.Hour * time.Duration(1+d.IntN(600)))}
	if d.in(3) {
		delete(initial, "percentage")
	}
	return map[string]any{"initial": initial, "end": end}
}

func (d dice) definition() Definition {
	var values []any
	switch d.IntN(5) {
	case 0:
		values = []any{true, false, true, false}
	case 1:
		values = []any{"a", "b", "c", ""}
	case 2:
		values = []any{1, 2.5, -3, 1e12}
	case 3:
		values = []any{[]any{1, "x"}, []any{}, []any{nil}, []any{true}}
	default:
		values = []any{map[string]any{"n": 1}, map[string]any{}, map[string]any{"l": []any{1}}, map[string]any{"o": map[string]any{"p": 2}}}
	}
	variations := []string{"on", "off", "Third", "zeta"}[:1+d.IntN(4)]
	tree := map[string]any{"variations": map[string]any{}, "defaultRule": d.rule(variations, -1)}
	for i, name := range variations {
		tree["variations"].(map[string]any)[name] = values[i]
	}
	var rules []any
	for i := range d.IntN(4) {
		rules = append(rules, d.rule(variations, i))
	}
	if rules != nil {
		tree["targeting"] = rules
	}
	d.extras(tree, variations)
	if d.in(3) {
		tree["scheduledRollout"] = d.steps(variations)
	}
	body, err := json.Marshal(tree)
	require.NoError(d.t, err)
	var made Definition
	require.NoError(d.t, json.Unmarshal(body, &made))
	return made
}

func (d dice) extras(tree map[string]any, variations []string) {
	if d.in(10) {
		tree["bucketingKey"] = d.one("company.name", "company.size", "plan", "nowhere", "email", "targetingKey", "")
	}
	if d.in(4) {
		tree["experimentation"] = map[string]any{"start": epoch.AddDate(0, 0, -d.IntN(20)), "end": d.date()}
	}
	if d.in(5) {
		tree["disable"] = d.in(2)
	}
	if d.in(2) {
		tree["version"], tree["trackEvents"] = d.one("1", "2.0"), d.in(2)
	}
	if d.in(2) {
		tree["metadata"] = map[string]any{"owner": "me", "n": 1.5}
	}
}

func (d dice) steps(variations []string) []any {
	var steps []any
	for range 1 + d.IntN(4) {
		step := map[string]any{"date": d.date()}
		if d.in(2) {
			step["defaultRule"] = d.rule(variations, -1)
		}
		if d.in(2) {
			step["targeting"] = []any{d.rule(variations, d.IntN(4)), d.rule(variations, 7)}
		}
		if d.in(3) {
			step["variations"] = map[string]any{"later": true}
		}
		d.extras(step, variations)
		delete(step, "bucketingKey")
		delete(step, "metadata")
		steps = append(steps, step)
	}
	return steps
}

// attributes are of a context; numbers as JSON has them.
func (d dice) attributes() map[string]any {
	a := map[string]any{}
	maybe := func(name string, value any) {
		if !d.in(3) {
			a[name] = value
		}
	}
	maybe("email", d.one("a@example.com", "b@example.org", ""))
	maybe("age", float64(d.IntN(60)))
	maybe("beta", d.in(2))
	maybe("plan", d.one("free", "pro", "team"))
	maybe("country", d.one("nl", "de", "us"))
	maybe("version", d.one("1.2.3", "1.10.0", "x"))
	maybe("company", map[string]any{"name": d.one("acme", "b", ""), "size": float64(d.IntN(30))})
	maybe("tags", []any{"x", "y", 1.5})
	if d.in(4) {
		a["anonymous"] = d.in(2)
	}
	if d.in(6) {
		a["company"] = "no object"
	}
	if d.in(6) {
		a["age"] = "thirty"
	}
	// The library's own clock is the real one: the time is part of the context.
	a["gofeatureflag"] = map[string]any{"currentDateTime": d.date().Format(time.RFC3339)}
	return a
}

func (d dice) key() string {
	if d.in(10) {
		return ""
	}
	return "u" + strconv.Itoa(d.IntN(100_000))
}
