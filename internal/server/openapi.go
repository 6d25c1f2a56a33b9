package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// schemaPrefix is where schemas refer to each other.
const schemaPrefix = "#/components/schemas/"

// timeSchema stands for annotate.Time wherever the server answers one.
type timeSchema struct{}

// Schema implements huma.SchemaProvider.
func (timeSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-01-02T15:04:05.000Z"}}
}

// anyTime is a time as a caller may write it.
func anyTime(description string) *huma.Schema {
	return &huma.Schema{
		Description: description,
		OneOf: []*huma.Schema{
			{Type: huma.TypeString, Format: "date-time", Description: "RFC 3339"},
			{Type: huma.TypeNumber, Description: "Unix seconds, or milliseconds"},
		},
	}
}

// newRegistry returns a registry that knows the types of package annotate, with
// strict as the schema of a time.
func newRegistry(time huma.SchemaProvider) huma.Registry {
	registry := huma.NewMapRegistry(schemaPrefix, schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[annotate.Time](), reflect.TypeOf(time))
	return registry
}

// schemaName names the schema of a type. What belongs to flags says so, since
// other things have rules and revisions too.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	switch {
	case t == reflect.TypeFor[flag.Definition]():
		return "FlagDefinition"
	case strings.Contains(t.PkgPath(), "flag") && !strings.HasPrefix(name, "Flag"):
		return "Flag" + name
	}
	return name
}

// newAPI returns the documented part of the API on e.
func newAPI(e *echo.Echo, prefix, version string) huma.API {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       "Tidemark",
			Version:     or(version, "unknown"),
			Description: "The change log's own endpoints. All else below /api/v1 is Prometheus' HTTP API.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: or(prefix, "/")}},
		Components: &huma.Components{
			Schemas: newRegistry(timeSchema{}),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"token": {Type: "http", Scheme: "bearer", Description: "A token, made by tidemark token create"},
				"key":   {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "The same token in a header of its own"},
				"user":  {Type: "http", Scheme: "basic", Description: "A user of the web configuration file"},
			},
		},
	}
	// A caller's short forms: a plain name for who, and numbers for times.
	report := doc.Components.Schemas.Schema(reflect.TypeFor[annotate.Report](), false, "")
	for _, name := range []string{"start", "end"} {
		report.Properties[name] = anyTime(report.Properties[name].Description)
	}
	who := report.Properties["who"]
	report.Properties["who"] = &huma.Schema{
		Description: who.Description,
		OneOf:       []*huma.Schema{{Type: huma.TypeString, Description: "The name alone"}, {Ref: schemaPrefix + "Who"}},
	}
	evidence := doc.Components.Schemas.SchemaFromRef(schemaPrefix + "Evidence")
	evidence.Properties["time"] = anyTime(evidence.Properties["time"].Description)

	return humaecho.New(e, huma.Config{
		OpenAPI:       doc,
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
	})
}

// unwrap returns echo's context behind huma's.
func unwrap(ctx huma.Context) echo.Context { return humaecho.Unwrap(ctx) }

// problemResponse documents what every endpoint answers where it fails.
func problemResponse(registry huma.Registry) *huma.Response {
	return &huma.Response{
		Description: "Problem details (RFC 9457)",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: registry.Schema(reflect.TypeFor[Problem](), true, "")},
		},
	}
}

// jsonBody documents a body of the schema given.
func jsonBody(schema *huma.Schema) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// jsonAnswer documents an answer of the schema given.
func jsonAnswer(description string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// schemaOf returns a reference to the schema of T.
func schemaOf[T any](registry huma.Registry) *huma.Schema {
	return registry.Schema(reflect.TypeFor[T](), true, "")
}

func marshalSpec(doc *huma.OpenAPI) ([]byte, error) {
	// huma documents its own errors too, which no answer here ever is.
	delete(doc.Components.Schemas.Map(), "ErrorModel")
	delete(doc.Components.Schemas.Map(), "ErrorDetail")
	spec, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("generate openapi.json: %w", err)
	}
	return spec, nil
}

// openAPI answers /openapi.json.
func (s *Server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/openapi+json", s.spec)
}
