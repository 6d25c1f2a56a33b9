package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"
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
