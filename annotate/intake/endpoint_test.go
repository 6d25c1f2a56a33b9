package intake

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// told is what an endpoint makes of a body, and answers.
func told(t *testing.T, e Endpoint, path map[string]string, body string) (annotate.Change, string) {
	t.Helper()
	r, err := e.Report(Request{Body: []byte(body), Value: func(name string) string { return path[name] }, Now: now})
	require.NoError(t, err, body)
	c := r.New(now)
	require.NoError(t, c.Validate(now), body)
	c.ID = "0195b0c4-0000-7000-8000-000000000000"
	answer, err := json.Marshal(e.Answer(c, 7))
	require.NoError(t, err)
	c.ID = ""
	return c, string(answer)
}

func TestOtherServicesClientsAreUnderstood(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint     Endpoint
		path         map[string]string
		body, answer string
		want         annotate.Change
	}{
		// The example of https://docs.honeycomb.io/api/tag/Markers, with times of today.
		"a marker of Honeycomb's": {
			honeycombMarkers(), map[string]string{"dataset": "checkout"},
			`{"start_time": 1772625000, "end_time": 1772625300, "message": "backend deploy #123", "type": "deploy", "url": "https://example.com/run/123"}`,
			`{"id": "0195b0c4-0000-7000-8000-000000000000", "start_time": 1772625000, "end_time": 1772625300, "message": "backend deploy #123", "type": "deploy", "url": "https://example.com/run/123"}`,
			annotate.Change{
				Source: "honeycomb", Kind: "deploy", Title: "backend deploy #123", Service: "checkout", Start: at(-10), End: new(at(-5)),
				Labels: map[string]string{"type": "deploy"}, Links: []annotate.Link{{Rel: "run", Href: "https://example.com/run/123"}},
			},
		},
		"a marker of the whole environment": {
			honeycombMarkers(), map[string]string{"dataset": "__all__"}, `{}`,
			`{"id": "0195b0c4-0000-7000-8000-000000000000", "start_time": 1772625600}`,
			annotate.Change{Source: "honeycomb", Kind: "annotation", Start: at(0), End: new(at(0))},
		},
		// The example of https://docs.sentry.io/api/releases/create-a-deploy/, likewise.
		"a deploy of Sentry's": {
			sentryDeploys(), map[string]string{"organization": "acme", "version": "frontend@2026.3.1"},
			`{"environment": "prod", "name": "canary", "url": "https://example.com", "dateStarted": "2026-03-04T11:50:00Z", "dateFinished": "2026-03-04T11:55:00Z"}`,
			`{"id": "7", "environment": "prod", "name": "canary", "url": "https://example.com", "dateStarted": "2026-03-04T11:50:00.000Z", "dateFinished": "2026-03-04T11:55:00.000Z"}`,
			annotate.Change{
				Source: "sentry", Kind: "deploy", Title: "canary", Service: "frontend", Environment: "prod", Version: "2026.3.1", Start: at(-10), End: new(at(-5)),
				Labels: map[string]string{"organization": "acme"}, Links: []annotate.Link{{Rel: "run", Href: "https://example.com"}},
			},
		},
		"a deploy of one project": {
			sentryDeploys(), map[string]string{"organization": "acme", "version": "4f3c2d1"}, `{"environment": "prod", "name": null, "projects": ["web"]}`,
			`{"id": "7", "environment": "prod", "name": null, "url": null, "dateStarted": "2026-03-04T12:00:00.000Z", "dateFinished": "2026-03-04T12:00:00.000Z"}`,
			annotate.Change{
				Source: "sentry", Kind: "deploy", Service: "web", Environment: "prod", Version: "4f3c2d1", Start: at(0), End: new(at(0)),
				Labels: map[string]string{"organization": "acme", "projects": "web"},
			},
		},
		// The example of Datadog's API reference, "Post an event".
		"a change event of Datadog's": {
			datadogEvents(), nil,
			`{"data": {"attributes": {"aggregation_key": "aggregation_key_123", "attributes": {"author": {"name": "example@datadog.com", "type": "user"}, "change_metadata": {"dd": {"team": "datadog_team"}}, "changed_resource": {"name": "fallback_payments_test", "type": "feature_flag"}, "impacted_resources": [{"name": "payments_api", "type": "service"}], "new_value": {"enabled": true}, "prev_value": {"enabled": false}}, "category": "change", "integration_id": "custom-events", "message": "payment_processed feature flag has been enabled", "tags": ["env:api_client_test"], "title": "payment_processed feature flag updated", "timestamp": "2026-03-04T11:50:00Z"}, "type": "event"}}`,
			`{"data": {"type": "event", "attributes": {"attributes": {"evt": {"id": "7", "uid": "0195b0c4-0000-7000-8000-000000000000"}}}}}`,
			annotate.Change{
				Source: "datadog", Kind: "flag", Title: "payment_processed feature flag updated", Text: "payment_processed feature flag has been enabled",
				Service: "payments_api", Environment: "api_client_test", Start: at(-10), End: new(at(-10)), Who: &annotate.Who{Name: "example@datadog.com", Type: "person"},
				Flag:     &annotate.FlagChange{Key: "fallback_payments_test", From: map[string]any{"enabled": false}, To: map[string]any{"enabled": true}},
				Labels:   map[string]string{"tags": "env:api_client_test", "aggregation_key": "aggregation_key_123"},
				Evidence: []annotate.Evidence{{Source: "datadog", Time: at(-10), Text: `{"author":{"name":"example@datadog.com","type":"user"},"change_metadata":{"dd":{"team":"datadog_team"}},"changed_resource":{"name":"fallback_payments_test","type":"feature_flag"},"impacted_resources":[{"name":"payments_api","type":"service"}],"new_value":{"enabled":true},"prev_value":{"enabled":false}}`}},
			},
		},
		"an event of Datadog's first version": {
			datadogEventsV1(), nil,
			`{"title": "Deployed web", "text": "by hand", "date_happened": 1772625000, "tags": ["deploy", "service:web", "env:prod", "version:v7"], "host": "a", "alert_type": "info"}`,
			`{"status": "ok", "event": {"id": 7, "id_str": "7", "title": "Deployed web", "text": "by hand", "date_happened": 1772625000}}`,
			annotate.Change{
				Source: "datadog", Kind: "deploy", Title: "Deployed web", Text: "by hand", Service: "web", Environment: "prod", Version: "v7", Start: at(-10), End: new(at(-10)),
				Labels: map[string]string{"tags": "deploy,service:web,env:prod,version:v7", "host": "a", "alert_type": "info"},
			},
		},
		// As newrelic-client-go sends it.
		"a deployment of New Relic's, by variables": {
			nerdGraph(), nil,
			`{"query": "mutation($dataHandlingRules: ChangeTrackingDataHandlingRules, $deployment: ChangeTrackingDeploymentInput!,) { changeTrackingCreateDeployment(dataHandlingRules: $dataHandlingRules, deployment: $deployment,) { deploymentId entityGuid } }",
			  "variables": {"dataHandlingRules": {}, "deployment": {"entityGuid": "MTIz", "version": "v8", "commit": "abc", "deepLink": "https://ci.example.com/8", "deploymentType": "ROLLING", "description": "Deploy it", "timestamp": 1772625000000, "user": "ann", "changelog": "two fixes"}}}`,
			`{"data": {"changeTrackingCreateDeployment": {"deploymentId": "0195b0c4-0000-7000-8000-000000000000", "changeTrackingId": "0195b0c4-0000-7000-8000-000000000000", "entityGuid": "MTIz", "version": "v8", "commit": "abc",
			  "description": "Deploy it\ntwo fixes", "deploymentType": "ROLLING", "type": "rolling", "user": "ann", "timestamp": 1772625000000, "groupId": "", "category": ""}}}`,
			annotate.Change{
				Source: "new_relic", Kind: "deploy", Title: "Deploy it", Text: "two fixes", Version: "v8", Commit: "abc", Start: at(-10), End: new(at(-10)), Who: &annotate.Who{Name: "ann"},
				Labels: map[string]string{"entity_guid": "MTIz", "type": "rolling"}, Links: []annotate.Link{{Rel: "run", Href: "https://ci.example.com/8"}},
			},
		},
		// As New Relic's documentation writes it.
		"an event of New Relic's, written out": {
			nerdGraph(), nil,
			`{"query": "mutation { changeTrackingCreateEvent(changeTrackingEvent: {categoryAndTypeData: {kind: {category: \"Deployment\", type: \"Basic\"}, categoryFields: {deployment: {version: \"v9\", commit: \"def\"}}}, entitySearch: {query: \"name = 'web' AND type = 'APPLICATION'\"}, shortDescription: \"Deploy web\", description: \"in one go\", timestamp: 1772625000000, user: \"bob\", customAttributes: {team: \"shop\", canary: true}}) { changeTrackingEvent { changeTrackingId } messages } }"}`,
			`{"data": {"changeTrackingCreateEvent": {"messages": [], "changeTrackingEvent": {"changeTrackingId": "0195b0c4-0000-7000-8000-000000000000", "version": "v9", "commit": "def",
			  "description": "Deploy web\nin one go", "type": "Basic", "user": "bob", "timestamp": 1772625000000, "groupId": "", "category": "Deployment"}}}}`,
			annotate.Change{
				Source: "new_relic", Kind: "deploy", Title: "Deploy web", Text: "in one go", Service: "web", Version: "v9", Commit: "def", Start: at(-10), End: new(at(-10)), Who: &annotate.Who{Name: "bob"},
				Labels: map[string]string{"category": "Deployment", "type": "Basic", "team": "shop", "canary": "true"},
			},
		},
		"a flag of New Relic's": {
			nerdGraph(), nil,
			`{"query": "mutation { changeTrackingCreateEvent(changeTrackingEvent: {categoryAndTypeData: {kind: {category: \"Feature Flag\", type: \"Basic\"}, categoryFields: {featureFlag: {featureFlagId: \"checkout\"}}}, entitySearch: {query: \"id = 'x'\"}}) { messages } }"}`,
			`{"data": {"changeTrackingCreateEvent": {"messages": [], "changeTrackingEvent": {"changeTrackingId": "0195b0c4-0000-7000-8000-000000000000", "version": "", "commit": "",
			  "description": "", "type": "Basic", "user": "", "timestamp": 1772625600000, "groupId": "", "category": "Feature Flag"}}}}`,
			annotate.Change{Source: "new_relic", Kind: "flag", Start: at(0), End: new(at(0)), Flag: &annotate.FlagChange{Key: "checkout"}, Labels: map[string]string{"category": "Feature Flag", "type": "Basic"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, answer := told(t, test.endpoint, test.path, test.body)
			test.want.Status = annotate.Succeeded
			require.Equal(t, test.want, c)
			require.JSONEq(t, test.answer, answer)
		})
	}
}

func TestOtherServicesClientsAreToldWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		endpoint   Endpoint
		body, want string
	}{
		{honeycombMarkers(), `{"start_time": "soon"}`, "time: "},
		{honeycombMarkers(), `{"message": 4}`, "message: is a number; it must be a string"},
		{honeycombMarkers(), `[`, "not what is taken here"},
		{sentryDeploys(), `{}`, "environment: is missing"},
		{sentryDeploys(), `{"environment": "prod", "dateStarted": "soon"}`, "not what is taken here"},
		{datadogEvents(), `{"data": {"attributes": {"title": "x", "category": "alert"}}}`, "data.attributes.category: must be change"},
		{datadogEvents(), `{"data": {"attributes": {"title": "x", "category": "change"}}}`, "not what is taken here"},
		{datadogEvents(), `{"data": {"attributes": {"category": "change", "attributes": {}}}}`, "title: is missing"},
		{nerdGraph(), `{"query": "mutation { "}`, "query: is not GraphQL"},
		{nerdGraph(), `{"query": "{ actor { user { name } } }"}`, "query: must be one mutation, changeTrackingCreateDeployment or"},
		{nerdGraph(), `{"query": "fragment x on y { changeTrackingCreateEvent }"}`, "query: must be one mutation"},
		{nerdGraph(), `{"query": "mutation { changeTrackingCreateEvent { messages } }"}`, "changeTrackingEvent: is missing"},
		{nerdGraph(), `{"query": "mutation { changeTrackingCreateEvent(changeTrackingEvent: $none) { messages } }"}`, "kind.category: is missing"},
		{nerdGraph(), `{"query": "mutation { changeTrackingCreateDeployment(deployment: {version: \"v1\"}) { version } }"}`, "entityGuid: is missing"},
		{nerdGraph(), `{"query": "mutation { changeTrackingCreateDeployment(deployment: {version: 1}) { version } }"}`, "version: is a number; it must be a string"},
		{datadogEventsV1(), `{"text": "x"}`, "title: is missing"},
		{datadogEventsV1(), `{"title": "x", "tags": [1]}`, "tags: must be a list"},
	} {
		_, err := test.endpoint.Report(Request{Body: []byte(test.body), Value: func(string) string { return "x" }, Now: now})
		require.ErrorContains(t, err, test.want, test.body)
		require.Equal(t, annotate.Invalid, annotate.CodeOf(err), test.body)
	}
}

func TestAClockThatIsAheadLeavesNothingOpen(t *testing.T) {
	for _, test := range []struct {
		endpoint Endpoint
		body     string
	}{
		{honeycombMarkers(), `{"start_time": 1772625602}`},
		{honeycombMarkers(), `{"start_time": 1772625000, "end_time": 1772625602}`},
		{honeycombMarkers(), `{"start_time": 1772625602, "end_time": 1772625000, "created_at": "0001-01-01T00:00:00Z"}`},
		{sentryDeploys(), `{"environment": "prod", "name": "two\nlines", "dateStarted": "2026-03-04T12:00:02Z"}`},
		{sentryDeploys(), `{"environment": "prod", "dateStarted": "2026-03-04T11:59:00Z", "dateFinished": "2026-03-04T12:00:02Z", "url": "https://"}`},
		{datadogEventsV1(), `{"title": "x", "date_happened": 1772625602, "tags": ["role:web,db"]}`},
		{nerdGraph(), `{"query": "mutation { changeTrackingCreateDeployment(deployment: {version: \"v1\", entityGuid: \"x\", timestamp: 1772625602000}) { version } }"}`},
	} {
		c, _ := told(t, test.endpoint, nil, test.body)
		require.Equal(t, annotate.Succeeded, c.Status, test.body)
		require.False(t, c.End.Before(c.Start.Time))
	}
}

func TestNothingThatIsSaidIsLost(t *testing.T) {
	c, _ := told(t, datadogEventsV1(), nil, `{"title": "a\nb", "text": "c"}`)
	require.Equal(t, "a\nb\nc", c.Title+"\n"+c.Text)
	c, answer := told(t, nerdGraph(), nil, `{"query": "mutation($v: String = \"v9\") { __typename changeTrackingCreateEvent(changeTrackingEvent: {categoryAndTypeData: {kind: {category: \"Deployment\"}, categoryFields: {deployment: {version: $v, changelog: \"http2 is on\"}}}, shortDescription: \"x\", description: \"https://ci/1 was promoted\", customAttributes: {build: 12345678, none: null, entity_guid: \"y\"}}) { messages } }"}`)
	require.Equal(t, "https://ci/1 was promoted\nhttp2 is on", c.Text)
	require.Equal(t, "v9", c.Version)
	require.Equal(t, map[string]string{"category": "Deployment", "build": "12345678"}, c.Labels)
	require.Contains(t, answer, "changeTrackingCreateEvent")
}

func FuzzEndpoints(f *testing.F) {
	f.Add([]byte(`{"start_time": 1772625000, "message": "x", "type": "deploy", "url": "https://example.com"}`))
	f.Add([]byte(`{"environment": "prod", "name": null, "dateStarted": "2026-03-04T11:50:00Z", "projects": ["web"]}`))
	f.Add([]byte(`{"data": {"attributes": {"title": "x", "category": "change", "attributes": {"changed_resource": {"name": "x", "type": "feature_flag"}}}}}`))
	f.Add([]byte(`{"title": "x", "text": "y", "date_happened": 1772625000, "tags": ["a:b"]}`))
	f.Add([]byte(`{"query": "mutation($d: X!) { changeTrackingCreateDeployment(deployment: $d) { version } }", "variables": {"d": {"version": "v1", "entityGuid": "x"}}}`))
	f.Add([]byte(`{"query": "mutation { changeTrackingCreateEvent(changeTrackingEvent: {categoryAndTypeData: {kind: {category: \"Deployment\"}}}) { messages } }"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, e := range Endpoints() {
			r, err := e.Report(Request{Body: body, Value: func(string) string { return "x" }, Now: now})
			if err != nil {
				require.Equal(t, annotate.Invalid, annotate.CodeOf(err), err)
				continue
			}
			c := r.New(now)
			_, err = json.Marshal(e.Answer(c, 1))
			require.NoError(t, err)
		}
	})
}
