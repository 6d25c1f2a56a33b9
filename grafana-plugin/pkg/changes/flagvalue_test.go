package changes

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlagValueInWords(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		var v FlagValue
		require.NoError(t, json.Unmarshal([]byte(value), &v))
		require.Equal(t, FlagValue(want), v, value)
	}
	f(`"on"`, "on")
	f(`true`, "true")
	f(`42`, "42")
	f(`null`, "")
	f(`"SdkDefault"`, "code default")
	f(`{"on": 10, "off": 90}`, "10% on, 90% off")
	f(`{"b": 50, "a": 50}`, "50% a, 50% b")
	f(`{"on": 100, "off": 0}`, "on")
	f(`{"SdkDefault": 100}`, "code default")
	f(`{"on": 33.3333333, "SdkDefault": 66.6666667}`, "33.333% on, 66.667% code default")
	f(`{"SdkDefault": 50, "a": 50}`, "50% code default, 50% a")
	f(`{"on": 0}`, "0% on")
	f(`{"limit":500}`, `{"limit":500}`)
	f(`{"on":"10"}`, `{"on":"10"}`)
	f(`{"on":null}`, `{"on":null}`)
	f(`{}`, `{}`)
	f(`["a"]`, `["a"]`)
}
