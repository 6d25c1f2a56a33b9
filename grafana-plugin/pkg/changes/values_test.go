package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValues(t *testing.T) {
	var endpoint string
	var asked url.Values
	l := newLog(&stubServer{get: func(_ context.Context, e string, query url.Values) (any, error) {
		endpoint, asked = e, query
		if e == lastEndpoint {
			return page{Changes: []Change{{Flag: &Flag{Key: "b"}}, {Flag: &Flag{Key: "a"}}, {Flag: &Flag{Key: "b"}}, {}}}, nil
		}
		return map[string]any{"data": []string{"web", "api", "web"}}, nil
	}})
	params := url.Values{"from": {"1795413600000"}, "to": {"1795424400000"}, "service": {"web"}, "environment": {""}}
	f := func(field, wantEndpoint, match string, want ...string) {
		t.Helper()
		got, err := l.Values(t.Context(), field, params)
		require.NoError(t, err)
		require.Equal(t, Values{Values: want}, got)
		require.Equal(t, wantEndpoint, endpoint)
		require.Equal(t, match, asked.Get("match[]"))
	}
	f("services", "/api/v1/label/service/values", `tidemark_changes_total{service=~"web"}`, "api", "web")
	f("environments", "/api/v1/label/environment/values", `tidemark_changes_total{service=~"web"}`, "api", "web")
	f("kinds", "/api/v1/label/kind/values", `tidemark_changes_total{service=~"web"}`, "api", "web")
	f("versions", "/api/v1/label/version/values", `tidemark_version_info{service=~"web"}`, "api", "web")
	require.Equal(t, "2026-11-23T06:00:00.000Z", asked.Get("start"))
	require.Equal(t, "2026-11-23T09:00:00.000Z", asked.Get("end"))
	f("flags", lastEndpoint, "", "a", "b")
	require.Equal(t, []string{"web"}, asked["service"])
	require.Equal(t, "2026-11-23T09:00:00.000Z", asked.Get("at"))

	_, err := l.Values(t.Context(), "passwords", nil)
	require.ErrorIs(t, err, ErrUnknownField)
	_, err = l.Values(t.Context(), "services", url.Values{"from": {"yesterday"}})
	require.ErrorContains(t, err, "Unix milliseconds")
}

func TestValuesAreBounded(t *testing.T) {
	many := make([]string, maxValues+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for want, answer := range map[bool]any{
		true:  map[string]any{"data": many},
		false: map[string]any{"data": []string{}},
	} {
		l := newLog(&stubServer{get: func(context.Context, string, url.Values) (any, error) { return answer, nil }})
		got, err := l.Values(t.Context(), "services", nil)
		require.NoError(t, err)
		require.Equal(t, want, got.Cut)
		require.LessOrEqual(t, len(got.Values), maxValues)
	}
	b, err := json.Marshal(valuesOf(nil, false))
	require.NoError(t, err)
	require.JSONEq(t, `{"values":[],"cut":false}`, string(b))
}
