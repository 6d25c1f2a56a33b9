package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/auth"
)

func TestOtherServicesClientsPostHere(t *testing.T) {
	s := start(t, nil)
	token, viewer := s.token("ci", auth.Operator), s.token("eye", auth.Viewer)
	for _, test := range []struct {
		header, path, body string
		status             int
		want               annotate.Change
	}{
		{"X-Honeycomb-Team", "/1/markers/web", `{"message": "deploy", "type": "deploy"}`, http.StatusCreated, annotate.Change{Kind: "deploy", Service: "web"}},
		{
			"Api-Key", "/graphql", `{"query": "mutation { changeTrackingCreateDeployment(deployment: {version: \"v1\", entityGuid: \"x\"}) { version } }"}`,
			http.StatusOK, annotate.Change{Kind: "deploy", Version: "v1"},
		},
		{"Authorization", "/api/0/organizations/acme/releases/web%401.2/deploys/", `{"environment": "prod"}`, http.StatusCreated, annotate.Change{Kind: "deploy", Service: "web", Version: "1.2"}},
		{"DD-API-KEY", "/api/v1/events", `{"title": "Deploy", "tags": ["deploy", "service:web"]}`, http.StatusAccepted, annotate.Change{Kind: "deploy", Service: "web"}},
		{
			"DD-API-KEY", "/api/v2/events",
			`{"data": {"attributes": {"title": "x", "category": "change", "attributes": {"changed_resource": {"name": "limits", "type": "configuration"}}}}}`,
			http.StatusAccepted, annotate.Change{Kind: "config"},
		},
	} {
		key := func(token string) string {
			if test.header == "Authorization" {
				return "Bearer " + token
			}
			return token
		}
		require.Equal(t, http.StatusForbidden, s.do(http.MethodPost, test.path, test.body, test.header, key(viewer)).status)
		require.Equal(t, http.StatusUnauthorized, s.do(http.MethodPost, test.path, test.body, test.header, key("tdm_wrong")).status)
		require.Equal(t, http.StatusBadRequest, s.do(http.MethodPost, test.path, `[]`, test.header, key(token)).status)
		a := s.do(http.MethodPost, test.path, test.body, test.header, key(token))
		require.Equal(t, test.status, a.status, a.body)
		page := decodeAs[struct{ Changes []annotate.Change }](t, s.do(http.MethodGet, "/api/v1/changes?limit=1", "", "Authorization", "Bearer "+viewer).body)
		got := page.Changes[0]
		require.Equal(t, test.want, annotate.Change{Kind: got.Kind, Service: got.Service, Version: got.Version}, test.path)
	}
}
