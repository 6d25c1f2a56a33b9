package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/itchyny/gojq"

	"github.com/tidemark/tidemark/annotate"
)

// senderGeneric is the name of the generic sender.
const senderGeneric = "generic"

// genericSender takes any JSON, and makes changes of it by a program of jq
// (https://jqlang.org/manual), which a hook has in its configuration.
func genericSender() sender {
	return sender{
		name:   senderGeneric,
		proofs: []proof{standardWebhooks(), signed("X-Hub-Signature-256", ""), signed("X-Signature", ""), bearer()},
		read:   readGeneric,
	}
}

// The limits of a program on one delivery.
const (
	maxProgramTime    = 2 * time.Second
	maxProgramChanges = 100
	// maxPrograms is how many of a hook's run at the same time: one may take a processor,
	// and memory, for as long as its configuration has it.
	maxPrograms = 2
)

// compileProgram reads a program. It gets no environment and no files, and finds the
// delivery's headers in $headers, by their names in small letters.
func compileProgram(text string) (*gojq.Code, error) {
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, invalid("change", nil, "is no program of jq: "+err.Error())
	}
	code, err := gojq.Compile(query, gojq.WithVariables([]string{"$headers"}))
	if err != nil {
		return nil, invalid("change", nil, "is no program of jq: "+err.Error())
	}
	return code, nil
}

func readGeneric(h *Hook, d Delivery) (Told, error) {
	body, err := exactly(d.Body)
	if err != nil {
		return Told{}, err
	}
	headers := map[string]any{}
	for name, values := range ShownHeaders(d.Header) {
		headers[name] = values
	}
	h.running <- struct{}{}
	defer func() { <-h.running }()
	ctx, cancel := context.WithTimeout(context.Background(), maxProgramTime)
	defer cancel()
	told := Told{}
	for results := h.program.RunWithContext(ctx, body, headers); ; {
		result, ok := results.Next()
		if !ok {
			break
		}
		if err, failed := result.(error); failed {
			return told, invalid("change", nil, "the hook's program says: "+err.Error())
		}
		if len(told.Reports) == maxProgramChanges {
			return told, invalid("change", nil, fmt.Sprintf("the hook's program makes more than %d changes of one delivery", maxProgramChanges))
		}
		if result == nil {
			continue // as select() with an alternative says nothing
		}
		r, err := programReport(result)
		if err != nil {
			return told, err
		}
		told.Reports = append(told.Reports, r)
	}
	if len(told.Reports) == 0 {
		return nothing("", "the hook's program makes no change of it"), nil
	}
	return told, nil
}

// programReport reads what a program made: a report as the changes' API takes it, and
// with at the time when it was said.
func programReport(result any) (annotate.Report, error) {
	var said annotate.Time
	if object, ok := result.(map[string]any); ok {
		if raw, err := gojq.Marshal(object["at"]); err == nil {
			if err := read(raw, &said); err != nil {
				return annotate.Report{}, invalid("at", nil, err.Error())
			}
		}
		object = maps.Clone(object) // it may be a part of the body
		delete(object, "at")
		result = object
	}
	raw, err := gojq.Marshal(result)
	if err != nil {
		return annotate.Report{}, invalid("change", nil, "the hook's program makes what is no JSON: "+err.Error())
	}
	var r annotate.Report
	if err := strict(raw, &r); err != nil {
		return annotate.Report{}, unreadable(err, "the hook's program makes what is no change: ")
	}
	r.At = said
	return r, nil
}

// exactly decodes JSON with its numbers as they are: an id may have more digits than a
// float64.
func exactly(raw []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err = dec.Decode(&v); err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("there is something behind the JSON")
		}
	}
	if err != nil {
		return nil, unreadable(err, "the body is not what is taken here, as JSON: ")
	}
	return v, nil
}

// strict decodes JSON that must have no other fields.
func strict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
