// Package ofreptest holds answers of OpenFeature's remote evaluation protocol
// against the protocol's own document, in tests.
package ofreptest

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/http"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

const location = "https://tidemark.invalid/ofrep-0.3.0"

//go:embed ofrep-0.3.0.schema.json
var document []byte

// Single checks the answer to POST /ofrep/v1/evaluate/flags/{key}.
func Single(t testing.TB, status int, body []byte) {
	t.Helper()
	check(t, status, body, map[int]string{
		http.StatusOK: "serverEvaluationSuccess", http.StatusBadRequest: "evaluationFailure", http.StatusNotFound: "flagNotFound",
		http.StatusInternalServerError: "generalErrorResponse",
	})
}

// Bulk checks the answer to POST /ofrep/v1/evaluate/flags.
func Bulk(t testing.TB, status int, body []byte) {
	t.Helper()
	if status == http.StatusNotModified {
		require.Empty(t, body, "no response body is returned")
		return
	}
	check(t, status, body, map[int]string{
		http.StatusOK: "bulkEvaluationSuccess", http.StatusBadRequest: "bulkEvaluationFailure", http.StatusInternalServerError: "generalErrorResponse",
	})
}

// Event checks the data of a server-sent event.
func Event(t testing.TB, data []byte) {
	t.Helper()
	validate(t, "sseEventData", data)
}

// check holds body against the schema of its status. Those that the document
// says nothing of have a body in its form of an error.
func check(t testing.TB, status int, body []byte, schemas map[int]string) {
	t.Helper()
	name, ok := schemas[status]
	if !ok {
		name = "generalErrorResponse"
	}
	validate(t, name, body)
}

func validate(t testing.TB, name string, body []byte) {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource(location, parsed))
	schema, err := c.Compile(fmt.Sprintf("%s#/$defs/%s", location, name))
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, "not JSON: %q", body)
	require.NoError(t, schema.Validate(value), "%s: %s", name, body)
}
