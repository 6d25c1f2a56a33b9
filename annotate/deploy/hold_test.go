package deploy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestHoldsCoverWhatTheyName(t *testing.T) {
	web := ID{Service: "web", Environment: "production"}
	for _, test := range []struct {
		hold   Hold
		covers bool
		what   string
	}{
		{Hold{}, true, "all deploys"},
		{Hold{Service: "web"}, true, "deploys of web"},
		{Hold{Environment: "production"}, true, "deploys to production"},
		{Hold{Service: "web", Environment: "staging"}, false, "deploys of web to staging"},
		{Hold{Service: "api"}, false, "deploys of api"},
	} {
		require.Equal(t, test.covers, test.hold.Covers(web), test.what)
		require.Equal(t, test.what, test.hold.What())
	}
	require.False(t, Hold{Service: "web"}.Covers(ID{Environment: "production"}), "what names no service is not web")
}

func TestObstaclesAreTheHoldsThatAreNotOver(t *testing.T) {
	now := time.Date(2026, 11, 27, 17, 30, 0, 0, time.UTC)
	holds := []Hold{
		{ID: "1", Owner: annotate.Who{Name: "ann"}, Reason: "why", Until: annotate.At(now.Add(time.Hour))},
		{ID: "2", Until: annotate.At(now)},
		{ID: "3", Environment: "staging", Until: annotate.At(now.Add(time.Hour))},
	}
	list := Obstacles(ID{Service: "web", Environment: "production"}, now, holds)
	require.Len(t, list, 1)
	require.Equal(t, "held by ann until 2026-11-27 18:30 UTC: why", list[0].String())
	require.Equal(t, "1", list[0].ID)
}
