package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBehindTwoDashesStandsACommand(t *testing.T) {
	for args, want := range map[string]string{
		"deploy -- ./deploy.sh":                    "deploy wrap -- ./deploy.sh",
		"deploy --service web -- ./deploy.sh list": "deploy wrap --service web -- ./deploy.sh list",
		"deploy --service list -- ./deploy.sh":     "deploy wrap --service list -- ./deploy.sh",
		"deploy wrap -- ./deploy.sh":               "deploy wrap -- ./deploy.sh",
		"deploy --server http://x wrap -- ./x":     "deploy --server http://x wrap -- ./x",
		"deploy --server=http://x wrap -- ./x":     "deploy --server=http://x wrap -- ./x",
		"deploy web --version v1":                  "deploy web --version v1",
		"deploy list":                              "deploy list",
		"change add -- x":                          "change add -- x",
		"deploy":                                   "deploy",
	} {
		require.Equal(t, want, strings.Join(wrapped(strings.Fields(args)), " "), args)
	}
}
