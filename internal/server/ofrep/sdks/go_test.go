//go:build e2e

package sdks

import (
	"context"
	"testing"

	provider "github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/stretchr/testify/require"
)

// goClient returns a client of the Go SDK.
func (td *tidemark) goClient(domain, base string) *openfeature.Client {
	td.t.Helper()
	require.NoError(td.t, openfeature.SetNamedProviderAndWait(domain, provider.NewProvider(base, provider.WithApiKeyAuth(td.token))))
	return openfeature.NewClient(domain)
}

func TestGoSDK(t *testing.T) {
	td, ctx := start(t), context.Background()
	client := td.goClient("default", td.url)
	ann := openfeature.NewEvaluationContext("ann", map[string]any{"beta": true})

	all := map[string]details{}
	note := func(name string, value any, d openfeature.EvaluationDetails) {
		all[name] = details{value, d.Variant, string(d.Reason), string(d.ErrorCode), d.FlagMetadata}
	}
	banner, err := client.BooleanValueDetails(ctx, "banner", false, ann)
	require.NoError(t, err)
	note("banner", banner.Value, banner.EvaluationDetails)
	colour, err := client.StringValueDetails(ctx, "colour", "grey", ann)
	require.NoError(t, err)
	note("colour", colour.Value, colour.EvaluationDetails)
	limit, err := client.IntValueDetails(ctx, "limit", 1, ann)
	require.NoError(t, err)
	note("limit", float64(limit.Value), limit.EvaluationDetails)
	ratio, err := client.FloatValueDetails(ctx, "ratio", 1, ann)
	require.NoError(t, err)
	note("ratio", ratio.Value, ratio.EvaluationDetails)
	layout, err := client.ObjectValueDetails(ctx, "layout", nil, ann)
	require.NoError(t, err)
	note("layout", layout.Value, layout.EvaluationDetails)
	steps, err := client.ObjectValueDetails(ctx, "steps", nil, ann)
	require.NoError(t, err)
	note("steps", steps.Value, steps.EvaluationDetails)
	cohort, err := client.BooleanValueDetails(ctx, "cohort", false, ann)
	require.NoError(t, err)
	note("cohort", cohort.Value, cohort.EvaluationDetails)
	old, err := client.BooleanValueDetails(ctx, "old", true, ann)
	require.NoError(t, err)
	note("old", old.Value, old.EvaluationDetails)
	none, err := client.StringValueDetails(ctx, "none", "mine", ann)
	require.Error(t, err)
	note("none", none.Value, none.EvaluationDetails)
	checkTypes(t, all)
	require.Equal(t, "DISABLED", all["old"].Reason)
	require.Equal(t, "web", all["banner"].FlagMetadata["owner"])

	nobody, err := client.BooleanValueDetails(ctx, "cohort", true, openfeature.NewTargetlessEvaluationContext(nil))
	require.Error(t, err)
	require.True(t, nobody.Value)
	require.Equal(t, openfeature.TargetingKeyMissingCode, nobody.ErrorCode)

	td.flip("banner", "off")
	require.False(t, client.Boolean(ctx, "banner", true, ann), "the next evaluation sees a flip")

	// An environment is a base URL of its own.
	staging := td.goClient("staging", td.url+"/environments/staging")
	unknown, err := staging.BooleanValueDetails(ctx, "banner", true, ann)
	require.Error(t, err)
	require.Equal(t, openfeature.FlagNotFoundCode, unknown.ErrorCode)
	require.True(t, td.goClient("named", td.url+"/environments/production").Boolean(ctx, "cohort", !cohort.Value, ann) == cohort.Value)

	stranger := openfeature.NewClient("stranger")
	require.NoError(t, openfeature.SetNamedProviderAndWait("stranger", provider.NewProvider(td.url)))
	refused, err := stranger.BooleanValueDetails(ctx, "banner", true, ann)
	require.ErrorContains(t, err, "authentication")
	require.True(t, refused.Value)
}
