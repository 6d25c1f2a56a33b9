package annotate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestSharesOf(t *testing.T) {
	all := func(variation string) []annotate.Share { return []annotate.Share{{Variation: variation, Part: 1}} }
	f := func(value string, want []annotate.Share) {
		t.Helper()
		require.Equal(t, want, annotate.SharesOf([]byte(value)), value)
	}
	f(`null`, nil)
	f(``, nil)
	f(`"on"`, all("on"))
	f(`""`, all(""))
	f(`"SdkDefault"`, all("SdkDefault"))
	f(`true`, all("true"))
	f(`42`, all("42"))
	f(`-0.5`, all("-0.5"))
	f(`["a", 1]`, all(`["a",1]`))
	f(`{}`, all(`{}`))
	f(`{"on": 10, "off": 90}`, []annotate.Share{{"off", 0.9}, {"on", 0.1}})
	f(`{"on": 12.5}`, []annotate.Share{{"on", 0.125}})
	f(`{"on": 0, "off": 100}`, []annotate.Share{{"off", 1}, {"on", 0}})
	f(`{"a": 33.5, "b": 33.5, "c": 33.5}`, []annotate.Share{{"a", 0.335}, {"b", 0.335}, {"c", 0.335}})
	f(`{"limit": 500}`, all(`{"limit":500}`))
	f(`{"x": 60, "y": 60}`, all(`{"x":60,"y":60}`))
	f(`{"offset": -1}`, all(`{"offset":-1}`))
	f(`{"on": "10"}`, all(`{"on":"10"}`))
	f(`{"on": null}`, all(`{"on":null}`))
	f(`{"on": {"percentage": 10}}`, all(`{"on":{"percentage":10}}`))
}

func TestStateOfAFlag(t *testing.T) {
	f := func(flag annotate.FlagChange, want string) {
		t.Helper()
		require.Equal(t, want, flag.State())
	}
	f(annotate.FlagChange{}, "")
	f(annotate.FlagChange{From: "on"}, "null")
	f(annotate.FlagChange{To: false}, "false")
	f(annotate.FlagChange{From: 1, To: map[string]float64{"on": 10, "off": 90}}, `{"off":90,"on":10}`)
}

func TestStepOfAFlag(t *testing.T) {
	f := func(from, to, want string) {
		t.Helper()
		var flag annotate.FlagChange
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"key": "k", "from": %s, "to": %s}`, from, to), &flag))
		require.Equal(t, want, flag.Step())
		if want != "" {
			want = ": " + want
		}
		require.Equal(t, "k"+want, flag.String())
		require.Equal(t, "flag k"+want, annotate.Change{Kind: "flag", Flag: &flag}.Headline())
	}
	f(`null`, `null`, "")
	f(`null`, `"on"`, "on")
	f(`"on"`, `null`, "on → deleted")
	f(`false`, `true`, "false → true")
	f(`1`, `2.5`, "1 → 2.5")
	f(`"off"`, `{"on": 10, "off": 90}`, "off → 10% on, 90% off")
	f(`{"on": 99.9, "off": 0.1}`, `{"on": 100, "off": 0}`, "0.1% off, 99.9% on → on")
	f(`{"SdkDefault": 50, "a": 50}`, `"on"`, "50% code default, 50% a → on")
	f(`{"b": 50, "a": 50}`, `"SdkDefault"`, "50% a, 50% b → code default")
	f(`{"SdkDefault": 100}`, `{"on": 33.3333333, "SdkDefault": 66.6666667}`, "code default → 33.333% on, 66.667% code default")
	f(`{"on": 0}`, `{"on": 5}`, "0% on → 5% on")
	f(`["a"]`, `{"limit": 500}`, `["a"] → {"limit":500}`)
}

func TestHeadlineOfAFlagIsShort(t *testing.T) {
	long := strings.Repeat("ü", 200)
	many := map[string]float64{}
	for i := range 9 {
		many[fmt.Sprint("v", i)] = float64(i)
	}
	many[long] = 64
	flag := annotate.FlagChange{Key: "k", From: long, To: many}
	require.Equal(t, "flag k: "+long[:80]+"… → 6% v6, 7% v7, 8% v8, 64% "+long[:80]+"…, 5 more", annotate.Change{Kind: "flag", Flag: &flag}.Headline())
	require.Contains(t, flag.Step(), "1% v1, 2% v2, 3% v3", "what is not a headline says all")
	require.Contains(t, flag.Step(), "64% "+long)
}
