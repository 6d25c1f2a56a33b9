package client

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

func TestHolds(t *testing.T) {
	var asked, body string
	status, answer := http.StatusOK, ""
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked, body = r.Method+" "+r.URL.RequestURI(), string(b)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	})

	answer = `{"id": "1", "environment": "production", "owner": {"name": "ann"}, "reason": "why", "until": "2026-11-27T14:00:00.000Z"}`
	status = http.StatusCreated
	h, err := c.Hold(t.Context(), HoldRequest{Environment: "production", Reason: "why", For: "2h"})
	require.NoError(t, err)
	require.Equal(t, "POST /api/v1/holds", asked)
	require.JSONEq(t, `{"environment": "production", "reason": "why", "for": "2h"}`, body)
	require.Equal(t, "ann", h.Owner.Name)
	until := annotate.At(time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC))
	require.Equal(t, until, h.Until)
	_, err = c.Hold(t.Context(), HoldRequest{Reason: "why", Until: until})
	require.NoError(t, err)
	require.JSONEq(t, `{"reason": "why", "until": "2026-11-27T14:00:00.000Z"}`, body)

	status = http.StatusOK
	released, err := c.Release(t.Context(), "a/b", "moved", "bob")
	require.NoError(t, err)
	require.Equal(t, "DELETE /api/v1/holds/a%2Fb", asked)
	require.JSONEq(t, `{"reason": "moved", "who": "bob"}`, body)
	require.Equal(t, h, released)

	answer = `{"holds": [` + answer + `]}`
	list, err := c.Holds(t.Context())
	require.NoError(t, err)
	require.Equal(t, "GET /api/v1/holds", asked)
	require.Equal(t, []deploy.Hold{h}, list)

	answer = `{"allowed": false, "obstacles": [{"kind": "hold", "id": "1", "who": "ann"}]}`
	obstacles, err := c.Obstacles(t.Context(), deploy.ID{Service: "web & co"})
	require.NoError(t, err)
	require.Equal(t, "GET /api/v1/can_deploy?service=web+%26+co", asked)
	require.Equal(t, []deploy.Obstacle{{Kind: "hold", ID: "1", Who: "ann"}}, obstacles)
}
