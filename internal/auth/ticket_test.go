package auth

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
)

func TestAnEvaluatorEvaluatesAndNothingElse(t *testing.T) {
	k := known{tokens: map[string]Token{"e": {Name: "shop", Role: Evaluator}, "v": {Name: "wall", Role: Viewer}}}
	a := authority(k, Settings{Anonymous: Viewer})
	f := func(need Role, allowed bool, headers ...string) {
		t.Helper()
		_, err := a.Authorize(request(headers...), need, true)
		if allowed {
			require.NoError(t, err)
			return
		}
		require.Error(t, err)
	}
	f(Evaluator, true, "Authorization", "Bearer e")
	f(Evaluator, true, "X-API-Key", "e", "Origin", "https://shop.example")
	f(Viewer, false, "X-API-Key", "e")
	f(Operator, false, "X-API-Key", "e")
	f(Evaluator, true, "X-API-Key", "v")
	f(Evaluator, true)
	a.Apply(Settings{Anonymous: Evaluator})
	f(Evaluator, true)
	f(Viewer, false)
	a.Apply(Settings{Anonymous: None})
	f(Evaluator, false)

	_, err := a.Authorize(request("X-API-Key", "e"), Viewer, true)
	require.ErrorContains(t, err, "this needs the role viewer, and shop is evaluator")
	id, err := a.Authorize(request("X-API-Key", "e", OnBehalfOf, "Ann"), Evaluator, true)
	require.NoError(t, err)
	require.Equal(t, "shop", id.Attribution(), "an evaluator acts for nobody")
}

func TestTicketsStandForTheirToken(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "auth.db")
	tokens := openTokens(t, path)
	a := NewAuthority(tokens, &Users{}, Settings{Anonymous: None}, metrics.NewSet())
	text, _, err := tokens.Create(ctx, "boss", Admin, time.Time{})
	require.NoError(t, err)
	id, err := a.Authorize(request("Authorization", "Bearer "+text), Evaluator, false)
	require.NoError(t, err)

	ticket := a.Ticket(id)
	require.NotContains(t, ticket, strings.Split(text, "_")[2], "a ticket does not give its token away")
	require.Equal(t, ticket, a.Ticket(id), "a browser keeps its connection while the URL is the same")
	holder, err := a.Redeem(ticket)
	require.NoError(t, err)
	require.Equal(t, "boss", holder.Name)
	require.Equal(t, Evaluator, holder.Role, "whoever reads a log may follow flags, and no more")

	_, err = a.Authorize(request("Authorization", "Bearer "+ticket), Evaluator, false)
	require.Error(t, err, "a ticket is no token")
	for _, wrong := range []string{"", ".", "x", ticket + "x", ticket[:len(ticket)-1], "0000000000000000." + ticketMAC(Token{}), strings.Replace(ticket, ".", "", 1)} {
		_, err = a.Redeem(wrong)
		require.Error(t, err, wrong)
	}
	require.Empty(t, a.Ticket(Identity{Name: anonymousName}))

	require.NoError(t, tokens.Revoke(ctx, "boss"))
	_, err = a.Redeem(ticket)
	require.Error(t, err, "it ends with its token")
}
