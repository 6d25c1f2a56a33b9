package annotate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) annotate.Time { return annotate.At(now.Add(d)) }

func end(d time.Duration) *annotate.Time { t := at(d); return &t }

func TestReportBeginsAChange(t *testing.T) {
	tests := map[string]struct {
		report annotate.Report
		status annotate.Status
		start  annotate.Time
		end    *annotate.Time
	}{
		"nothing said: an instant, now":          {annotate.Report{}, annotate.Succeeded, at(0), end(0)},
		"a start that was: an instant, then":     {annotate.Report{Start: at(-time.Hour)}, annotate.Succeeded, at(-time.Hour), end(-time.Hour)},
		"a start to come: planned":               {annotate.Report{Start: at(time.Hour)}, annotate.Planned, at(time.Hour), nil},
		"a window to come: planned":              {annotate.Report{Start: at(time.Hour), End: at(2 * time.Hour)}, annotate.Planned, at(time.Hour), end(2 * time.Hour)},
		"an end to come: running":                {annotate.Report{End: at(time.Hour)}, annotate.Running, at(0), end(time.Hour)},
		"both passed: succeeded":                 {annotate.Report{Start: at(-2 * time.Hour), End: at(-time.Hour)}, annotate.Succeeded, at(-2 * time.Hour), end(-time.Hour)},
		"an end alone that passed: instant then": {annotate.Report{End: at(-time.Hour)}, annotate.Succeeded, at(-time.Hour), end(-time.Hour)},
		"running":                                {annotate.Report{Status: annotate.Running}, annotate.Running, at(0), nil},
		"failed: an instant":                     {annotate.Report{Status: annotate.Failed}, annotate.Failed, at(0), end(0)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.report.Kind = "deploy"
			c := tc.report.New(now)
			require.Equal(t, tc.status, c.Status)
			require.Equal(t, tc.start, c.Start)
			require.Equal(t, tc.end, c.End)
			require.NoError(t, c.Validate(now))
		})
	}
}

func TestReportMovesAChangeOnAndNeverBack(t *testing.T) {
	running := annotate.Report{Kind: "deploy", Service: "web", Start: at(-time.Hour), Status: annotate.Running}
	planned := annotate.Report{Kind: "maintenance", Start: at(time.Hour), End: at(2 * time.Hour)}
	tests := map[string]struct {
		first, then annotate.Report
		status      annotate.Status
		start       annotate.Time
		end         *annotate.Time
	}{
		"finished, now":                     {running, annotate.Report{Status: annotate.Succeeded}, annotate.Succeeded, at(-time.Hour), end(0)},
		"failed, at a time":                 {running, annotate.Report{Status: annotate.Failed, End: at(-time.Minute)}, annotate.Failed, at(-time.Hour), end(-time.Minute)},
		"an end that passed finishes it":    {running, annotate.Report{End: at(-time.Minute)}, annotate.Succeeded, at(-time.Hour), end(-time.Minute)},
		"a retry of the opening":            {running, running, annotate.Running, at(-time.Hour), nil},
		"planned begins, now":               {planned, annotate.Report{Status: annotate.Running}, annotate.Running, at(0), end(2 * time.Hour)},
		"planned ends early":                {planned, annotate.Report{Status: annotate.Succeeded, Start: at(-time.Minute)}, annotate.Succeeded, at(-time.Minute), end(0)},
		"planned is cancelled":              {planned, annotate.Report{Status: annotate.Cancelled}, annotate.Cancelled, at(time.Hour), end(time.Hour)},
		"running is not planned any more":   {running, annotate.Report{Status: annotate.Planned}, annotate.Running, at(-time.Hour), nil},
		"running whose end nobody reported": {running, annotate.Report{Status: annotate.Lost}, annotate.Lost, at(-time.Hour), end(0)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := tc.then.Update(tc.first.New(now), now)
			require.NoError(t, c.Validate(now))
			require.Equal(t, tc.status, c.Status)
			require.Equal(t, tc.start, c.Start)
			require.Equal(t, tc.end, c.End)
		})
	}
	t.Run("an ended change is not reopened, nor lost", func(t *testing.T) {
		ended := annotate.Report{Status: annotate.Failed, End: at(-time.Minute)}.Update(running.New(now), now)
		for _, late := range []annotate.Report{running, {Status: annotate.Lost}, {Status: annotate.Planned}} {
			require.Equal(t, ended, late.Update(ended, now))
		}
		require.Equal(t, annotate.Succeeded, annotate.Report{Status: annotate.Succeeded}.Update(ended, now).Status, "whoever saw the end knows better")
	})
}

func TestReportAddsToWhatIsThere(t *testing.T) {
	first := annotate.Report{
		Kind: "deploy", Title: "a", Labels: map[string]string{"team": "web", "tier": "1"},
		Links:    []annotate.Link{{Rel: "run", Href: "https://ci/1"}},
		Evidence: []annotate.Evidence{{Source: "ci", Time: at(0), Text: "began"}},
	}.New(now)
	was := first.Clone()
	then := annotate.Report{
		Labels:   map[string]string{"tier": "2", "zone": "eu"},
		Links:    []annotate.Link{{Rel: "diff", Href: "https://git/1"}, {Rel: "run", Title: "the run", Href: "https://ci/1"}},
		Evidence: []annotate.Evidence{{Source: "ci", Time: at(0), Text: "began"}, {Source: "k8s", Time: at(0), Text: "rolled out"}},
	}.Update(first, now)
	require.Equal(t, "a", then.Title)
	require.Equal(t, map[string]string{"team": "web", "tier": "2", "zone": "eu"}, then.Labels)
	require.Equal(t, []annotate.Link{{Rel: "run", Title: "the run", Href: "https://ci/1"}, {Rel: "diff", Href: "https://git/1"}}, then.Links)
	require.Len(t, then.Evidence, 2)
	require.Equal(t, was, first, "the change given stays as it was")
}

func TestPatch(t *testing.T) {
	ended := annotate.Report{
		Kind: "deploy", Source: "ci", ExternalID: "1", Version: "v1", Service: "web", Status: annotate.Failed, Start: at(-time.Hour), End: at(-time.Minute),
		Labels: map[string]string{"a": "1", "b": "2"},
	}.New(now)
	apply := func(t *testing.T, p annotate.Patch) annotate.Change {
		t.Helper()
		c, err := p.Apply(ended, now)
		require.NoError(t, err)
		return c
	}
	t.Run("replaces", func(t *testing.T) {
		c := apply(t, annotate.Patch{Set: annotate.Report{Version: "v2", Labels: map[string]string{"c": "3"}}})
		require.Equal(t, "v2", c.Version)
		require.Equal(t, map[string]string{"c": "3"}, c.Labels)
		require.Equal(t, "web", c.Service)
	})
	t.Run("empties", func(t *testing.T) {
		c := apply(t, annotate.Patch{Clear: []string{"service", "labels"}})
		require.Empty(t, c.Service)
		require.Empty(t, c.Labels)
	})
	t.Run("reopens", func(t *testing.T) {
		for _, p := range []annotate.Patch{{Clear: []string{"end"}}, {Set: annotate.Report{Status: annotate.Running}}} {
			c := apply(t, p)
			require.Equal(t, annotate.Running, c.Status)
			require.Nil(t, c.End)
			require.NoError(t, c.Validate(now))
		}
	})
	t.Run("changes no identity, and empties nothing that every change has", func(t *testing.T) {
		for field, p := range map[string]annotate.Patch{
			"source":      {Set: annotate.Report{Source: "other"}},
			"external_id": {Set: annotate.Report{ExternalID: "2"}},
			"kind":        {Clear: []string{"kind"}},
			"start":       {Clear: []string{"start"}},
		} {
			_, err := p.Apply(ended, now)
			var e *annotate.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, field, e.Field)
		}
	})
}

func TestWhoIsAlsoAName(t *testing.T) {
	var r annotate.Report
	require.NoError(t, json.Unmarshal([]byte(`{"who":"ada"}`), &r))
	require.Equal(t, &annotate.Who{Name: "ada"}, r.Who)
	require.NoError(t, json.Unmarshal([]byte(`{"who":{"name":"ci","type":"machine"}}`), &r))
	require.Equal(t, &annotate.Who{Name: "ci", Type: "machine"}, r.Who)
	require.Error(t, json.Unmarshal([]byte(`{"who":{"nam":"ci"}}`), &r))
}

func TestHeadline(t *testing.T) {
	for want, c := range map[string]annotate.Change{
		"said":                            {Title: "said", Kind: "deploy"},
		"deploy web v42":                  {Kind: "deploy", Service: "web", Version: "v42"},
		"restart":                         {Kind: "restart"},
		"flag web checkout: false → true": {Kind: "flag", Service: "web", Flag: &annotate.FlagChange{Key: "checkout", From: false, To: true}},
		"flag checkout: blue":             {Kind: "flag", Flag: &annotate.FlagChange{Key: "checkout", To: "blue"}},
		`flag ramp: {"limit":500}`:        {Kind: "flag", Flag: &annotate.FlagChange{Key: "ramp", To: map[string]any{"limit": 500}}},
	} {
		require.Equal(t, want, c.Headline())
	}
}
