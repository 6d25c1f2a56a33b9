package server

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The evaluation of flags answers as its protocols have it, errors too, so that
// its part of the document is written by hand: huma would read it off its own types.

// flagOperation describes one endpoint, in the words of its protocol.
type flagOperation struct {
	id, summary, description string
	body, answer             *huma.Schema
	// statuses are the others that it answers with.
	statuses map[string]string
	tagged   bool // whether it has an entity tag
}

// opEvaluate mounts an endpoint that evaluates flags, and documents it.
func (s *Server) opEvaluate(h http.HandlerFunc, described func() flagOperation) mount {
	return func(s *Server, r *route) {
		s.echo.Add(r.method, r.pattern(), handler(h))
		s.documentFlags(r, described())
	}
}

// opEvents mounts the stream of events, and documents it.
func (s *Server) opEvents() mount {
	return func(s *Server, r *route) {
		s.echo.Add(r.method, r.pattern(), s.events)
		s.documentFlags(r, eventsOperation())
	}
}

func (s *Server) documentFlags(r *route, d flagOperation) {
	op := &huma.Operation{
		Method: r.method, Path: r.path, OperationID: d.id, Summary: d.summary, Description: d.description, Tags: []string{"evaluation"},
		Responses: map[string]*huma.Response{},
	}
	for name := range pathParameters(r.path) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		if name == "environment" {
			op.OperationID += "-in-environment"
		}
	}
	if d.body != nil {
		op.RequestBody = jsonBody(d.body)
	}
	ok := &huma.Response{Description: "The answer", Content: map[string]*huma.MediaType{"application/json": {Schema: d.answer}}}
	if r.class == following {
		ok = &huma.Response{Description: "A stream that ends when the server stops", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: d.answer}}}
		op.Parameters = append(op.Parameters,
			&huma.Param{Name: lastEventID, In: "header", Description: "The event that was seen last", Schema: &huma.Schema{Type: huma.TypeString}},
			&huma.Param{Name: "ticket", In: "query", Description: "What a bulk evaluation gave in the place of a token", Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if d.tagged {
		ok.Headers = map[string]*huma.Param{"ETag": {Description: "Names the answer", Schema: &huma.Schema{Type: huma.TypeString}}}
		op.Parameters = append(op.Parameters, &huma.Param{Name: "If-None-Match", In: "header", Description: "The tags of answers that are known", Schema: &huma.Schema{Type: huma.TypeString}})
		op.Responses["304"] = &huma.Response{Description: "The answer is the one that the caller knows"}
	}
	op.Responses["200"] = ok
	for status, description := range d.statuses {
		op.Responses[status] = &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: failureSchema()}}}
	}
	s.api.OpenAPI().AddOperation(op)
}

// pathParameters yields the parameters of a route's path.
func pathParameters(path string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for segment := range strings.SplitSeq(path, "/") {
			if name, ok := strings.CutPrefix(segment, "{"); ok && !yield(strings.TrimSuffix(name, "}")) {
				return
			}
		}
	}
}

func object(properties map[string]*huma.Schema, required ...string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Properties: properties, Required: required}
}

func textSchema(description string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: description}
}

func anyObject(description string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Description: description, AdditionalProperties: true}
}

func listOf(items *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: items} }

func failureSchema() *huma.Schema {
	return object(map[string]*huma.Schema{
		"key":          textSchema("The flag that was asked for"),
		"errorCode":    textSchema("PARSE_ERROR, TARGETING_KEY_MISSING, INVALID_CONTEXT, GENERAL or FLAG_NOT_FOUND"),
		"errorDetails": textSchema("What was wrong, and what would be right"),
	})
}

func evaluationSchema() *huma.Schema {
	return object(map[string]*huma.Schema{
		"key":          textSchema("The flag"),
		"value":        {Description: "A boolean, text, number, object or list; left out where the code's own default counts"},
		"reason":       {Type: huma.TypeString, Enum: []any{"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}},
		"variant":      textSchema("The variation's name"),
		"metadata":     anyObject("The flag's metadata: booleans, texts and numbers"),
		"errorCode":    textSchema("Why the flag has no answer"),
		"errorDetails": textSchema("The same for a person"),
	}, "key")
}

func contextSchema() *huma.Schema {
	return object(map[string]*huma.Schema{
		"context": {
			Type: huma.TypeObject, AdditionalProperties: true, Description: "For whom",
			Properties: map[string]*huma.Schema{"targetingKey": textSchema("Whom percentages go by")},
		},
	}, "context")
}

func refusals() map[string]string {
	return map[string]string{
		"400": "The body cannot be read, or the flag cannot be evaluated for the context",
		"401": "Credentials are missing or wrong", "403": "The role does not suffice",
		"404": "There is no such environment, or no such flag",
		"413": "The body is too large", "415": "The body is no JSON",
		"429": "There are too many at the same time; Retry-After says when to come again",
		"500": "Something went wrong in the server",
	}
}

func singleOperation() flagOperation {
	return flagOperation{
		id: "evaluate-flag", summary: "Evaluate one flag (OFREP)", body: contextSchema(), answer: evaluationSchema(), statuses: refusals(),
		description: "OpenFeature's remote evaluation protocol, 0.3. Without a value in the answer, the code's own default counts.",
	}
}

func bulkOperation() flagOperation {
	stream := object(map[string]*huma.Schema{
		"type":               textSchema("sse"),
		"endpoint":           object(map[string]*huma.Schema{"requestUri": textSchema("The path to ask for")}, "requestUri"),
		"inactivityDelaySec": {Type: huma.TypeInteger},
	}, "type")
	return flagOperation{
		id: "evaluate-flags", summary: "Evaluate all flags (OFREP)", body: contextSchema(), tagged: true, statuses: refusals(),
		description: "OpenFeature's remote evaluation protocol, 0.3. The entity tag is of what was evaluated.",
		answer: object(map[string]*huma.Schema{
			"flags": listOf(evaluationSchema()), "eventStreams": listOf(stream), "metadata": anyObject("Of the flags as a whole"),
		}, "flags"),
	}
}

func eventsOperation() flagOperation {
	return flagOperation{
		id: "follow-flags", summary: "Follow the flags (OFREP), as server-sent events", statuses: refusals(),
		description: `Each event is called message, and its data is {"type": "refetchEvaluation", "etag", "lastModified"}. The first comes at once, unless Last-Event-ID names the flags as they are.`,
		answer: object(map[string]*huma.Schema{
			"type": textSchema("refetchEvaluation"), "etag": textSchema("The state of the flags"), "lastModified": {Type: huma.TypeInteger, Description: "Unix seconds"},
		}, "type"),
	}
}

func relayContextSchema() *huma.Schema {
	said := object(map[string]*huma.Schema{"key": textSchema("Whom percentages go by"), "custom": anyObject("Attributes")})
	return object(map[string]*huma.Schema{"evaluationContext": said, "user": said, "defaultValue": {Description: "What the code uses where there is no answer"}})
}

func relayEvaluateOperation() flagOperation {
	return flagOperation{
		id: "relay-evaluate-flag", summary: "Evaluate one flag (GO Feature Flag)", body: relayContextSchema(), statuses: refusals(),
		description: "As GO Feature Flag's relay has it.",
		answer: object(map[string]*huma.Schema{
			"value": {}, "variationType": {Type: huma.TypeString}, "reason": {Type: huma.TypeString}, "failed": {Type: huma.TypeBoolean},
			"errorCode": {Type: huma.TypeString}, "errorDetails": {Type: huma.TypeString}, "version": {Type: huma.TypeString},
			"trackEvents": {Type: huma.TypeBoolean}, "cacheable": {Type: huma.TypeBoolean}, "metadata": anyObject(""),
		}),
	}
}

func relayAllOperation() flagOperation {
	return flagOperation{
		id: "relay-evaluate-flags", summary: "Evaluate all flags (GO Feature Flag)", body: relayContextSchema(), statuses: refusals(),
		description: "As GO Feature Flag's relay has it.",
		answer:      object(map[string]*huma.Schema{"flags": anyObject("By key"), "valid": {Type: huma.TypeBoolean}}),
	}
}

func relayConfigurationOperation() flagOperation {
	return flagOperation{
		id: "relay-flag-configuration", summary: "The flags' definitions, to be evaluated in process (GO Feature Flag)", tagged: true, statuses: refusals(),
		body: object(map[string]*huma.Schema{"flags": listOf(textSchema("The keys that are wanted; all without any"))}),
		answer: object(map[string]*huma.Schema{
			"flags": anyObject("Definitions by key"), "evaluationContextEnrichment": anyObject("What each context is to have"),
		}),
	}
}

func relayChangesOperation() flagOperation {
	return flagOperation{
		id: "relay-flag-change", summary: "Hashes of the flags, to see whether one changed (GO Feature Flag)", tagged: true, statuses: refusals(),
		answer: object(map[string]*huma.Schema{"hash": {Type: huma.TypeInteger}, "flags": anyObject("Hashes by key")}),
	}
}

func relayCollectOperation() flagOperation {
	return flagOperation{
		id: "relay-collect-evaluations", summary: "Report evaluations that were made in process (GO Feature Flag)", statuses: refusals(),
		description: "They are counted with those made here. Nothing is kept of whom they were for.",
		body:        object(map[string]*huma.Schema{"events": listOf(anyObject("kind, key, variation, default")), "meta": anyObject("")}, "events"),
		answer:      object(map[string]*huma.Schema{"ingestedContentCount": {Type: huma.TypeInteger}}),
	}
}
