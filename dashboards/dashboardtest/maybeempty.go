package dashboardtest

import (
	_ "embed"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Excuse says why a panel, or a query of it, may rightly answer with nothing.
type Excuse struct {
	// Series is what has to be missing for that; without one it may be empty always.
	Series string `json:"series"`
	Why    string `json:"why"`
}

//go:embed may_be_empty.json
var mayBeEmpty []byte

// MayBeEmpty returns the excuses by the panels, as dashboard/panel, or their
// queries, as dashboard/panel/refId. The Grafana plugin's tests read the same
// file.
func MayBeEmpty(t *testing.T) (excuses map[string]Excuse) {
	t.Helper()
	require.NoError(t, json.Unmarshal(mayBeEmpty, &excuses))
	return excuses
}
