package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/deploy"
	deploys "github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/internal/auth"
)

// holding starts a server with holds on deploys over its own change log, on which
// production, and so all environments together, takes the role need.
func holding(t *testing.T, need auth.Role) *running {
	t.Helper()
	return start(t, func(o *Options) {
		c, err := deploys.Open(t.Context(), deploys.Options{Log: o.Changes.(*changelog.Log), Folder: t.TempDir()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		o.Deploys = c
		o.EnvironmentNeeds = func(environment string) auth.Role {
			if environment == "production" || environment == "" {
				return need
			}
			return auth.Operator
		}
	})
}

type checked struct {
	Allowed   bool
	Obstacles []deploy.Obstacle
}

func TestDeploysAreHeldAndReleased(t *testing.T) {
	s := holding(t, auth.Operator)
	a := s.do(http.MethodPost, "/api/v1/holds", `{"environment": "production", "for": "2h", "reason": "the database moves", "who": "ann"}`)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	h := decodeAs[deploy.Hold](t, a.body)
	require.Equal(t, "ann", h.Owner.Name)
	require.WithinDuration(t, time.Now().Add(2*time.Hour), h.Until.Time, time.Minute)

	check := decodeAs[checked](t, s.do(http.MethodGet, "/api/v1/can_deploy?service=web&environment=production", "").body)
	require.False(t, check.Allowed)
	require.Equal(t, []deploy.Obstacle{{Kind: "hold", ID: h.ID, Who: "ann", Reason: "the database moves", Until: h.Until}}, check.Obstacles)
	check = decodeAs[checked](t, s.do(http.MethodGet, "/api/v1/can_deploy?service=web&environment=staging", "").body)
	require.True(t, check.Allowed)
	require.NotNil(t, check.Obstacles, "an empty list, and no null")

	list := decodeAs[struct{ Holds []deploy.Hold }](t, s.do(http.MethodGet, "/api/v1/holds", "").body)
	require.Equal(t, []deploy.Hold{h}, list.Holds)
	require.Equal(t, http.StatusOK, s.do(http.MethodGet, "/api/v1/changes/"+h.ID, "").status, "a hold is a change")

	a = s.do(http.MethodDelete, "/api/v1/holds/"+h.ID, `{"reason": "It has moved."}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, http.StatusNotFound, s.do(http.MethodDelete, "/api/v1/holds/"+h.ID, "").status)
	list = decodeAs[struct{ Holds []deploy.Hold }](t, s.do(http.MethodGet, "/api/v1/holds", "").body)
	require.Empty(t, list.Holds)
}

func TestAHoldSaysWhatIsWrongWithIt(t *testing.T) {
	s := holding(t, auth.Operator)
	for body, want := range map[string]string{
		`{"for": "2h"}`:                                                 "body.reason",
		`{"reason": "x"}`:                                               "body.until",
		`{"reason": "x", "for": "soon"}`:                                "body.for",
		`{"reason": "x", "for": "31d"}`:                                 "body.until",
		`{"reason": "x", "until": "2001-01-01T00:00:00Z"}`:              "body.until",
		`{"reason": "x", "for": "1h", "place": "prod"}`:                 "place",
		`{"reason": "x", "for": "1h", "until": "2101-01-01T00:00:00Z"}`: "body.for",
	} {
		a := s.do(http.MethodPost, "/api/v1/holds", body)
		require.GreaterOrEqual(t, a.status, 400, body)
		require.Less(t, a.status, 500, body)
		require.Contains(t, a.body, want)
	}
	a := s.do(http.MethodGet, "/api/v1/can_deploy?env=production", "")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "query.env")
}

func TestHoldingAnEnvironmentTakesItsRole(t *testing.T) {
	s := holding(t, auth.Admin)
	for body, status := range map[string]int{
		`{"environment": "production", "for": "2h", "reason": "x"}`: http.StatusForbidden,
		`{"service": "web", "for": "2h", "reason": "x"}`:            http.StatusForbidden, // in production too
		`{"environment": "staging", "for": "2h", "reason": "x"}`:    http.StatusCreated,
	} {
		a := s.do(http.MethodPost, "/api/v1/holds", body)
		require.Equal(t, status, a.status, a.body)
		if status == http.StatusForbidden {
			require.Contains(t, a.body, "needs the role admin")
		}
	}
}
