package server

import (
	"net/url"
	"strconv"
	"testing"

	grafana "github.com/grafana/grafana-openapi-client-go/client"
	"github.com/grafana/grafana-openapi-client-go/client/annotations"
	"github.com/grafana/grafana-openapi-client-go/models"
	"github.com/stretchr/testify/require"
)

// Grafana's own client, made of Grafana's API description, with another base URL.
func TestGrafanasOwnClientWorks(t *testing.T) {
	s := start(t, nil)
	base, err := url.Parse(s.url)
	require.NoError(t, err)
	client := grafana.NewHTTPClientWithConfig(nil, &grafana.TransportConfig{Host: base.Host, BasePath: "/api", Schemes: []string{"http"}}).Annotations

	posted, err := client.PostAnnotation(&models.PostAnnotationsCmd{
		Text: new("Deploy web"), Tags: []string{"deploy", "service:web"}, Time: 1772625000000, TimeEnd: 1772625100000, DashboardUID: "abc", PanelID: 2, Data: map[string]any{"run": 7},
	})
	require.NoError(t, err)
	require.Equal(t, "Annotation added", *posted.Payload.Message)
	id := strconv.FormatInt(*posted.Payload.ID, 10)
	_, err = client.PostGraphiteAnnotation(&models.PostGraphiteAnnotationsCmd{What: "migrated", Tags: "config service:db", When: 1772625050, Data: "in one go"})
	require.NoError(t, err)

	got, err := client.GetAnnotationByID(id)
	require.NoError(t, err)
	require.Equal(t, "Deploy web", got.Payload.Text)
	require.Equal(t, "abc", got.Payload.DashboardUID)
	require.NotNil(t, got.Payload.Data)
	found, err := client.GetAnnotations(annotations.NewGetAnnotationsParams().WithFrom(new(int64(1772625000000))).WithTo(new(int64(1772625200000))).WithTags([]string{"service"}))
	require.NoError(t, err)
	require.Len(t, found.Payload, 2)
	require.Equal(t, "migrated\nin one go", found.Payload[1].Text)

	_, err = client.PatchAnnotation(id, &models.PatchAnnotationsCmd{Text: "Deploy web again"})
	require.NoError(t, err)
	got, err = client.GetAnnotationByID(id)
	require.NoError(t, err)
	require.Equal(t, []string{"deploy", "service:web"}, got.Payload.Tags, "what the client does not speak of stays")
	_, err = client.UpdateAnnotation(id, &models.UpdateAnnotationsCmd{Tags: []string{"drill"}})
	require.NoError(t, err)
	tags, err := client.GetAnnotationTags(annotations.NewGetAnnotationTagsParams().WithTag(new("drill")))
	require.NoError(t, err)
	require.EqualValues(t, 1, tags.Payload.Result.Tags[0].Count)

	_, err = client.DeleteAnnotationByID(id)
	require.NoError(t, err)
	_, err = client.GetAnnotationByID(id)
	require.Error(t, err)
	_, err = client.PostAnnotation(&models.PostAnnotationsCmd{Text: new("")})
	refused := &annotations.PostAnnotationBadRequest{}
	require.ErrorAs(t, err, &refused)
	require.Contains(t, *refused.Payload.Message, "text: is empty")
}
