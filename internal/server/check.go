package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/tidemark/tidemark/annotate"
)

// check returns what is wrong with a report that a caller wrote at location. It
// brings the short forms in report into the long ones.
func (b *bodyReader) check(report map[string]any, location string) []Fault {
	var faults []Fault
	for name := range report {
		if b.report.Properties[name] == nil {
			// Removed, so that the schema does not complain of it again.
			delete(report, name)
			faults = append(faults, Fault{Message: "is no field of a change; there are " + b.known, Location: location + "." + name})
		}
	}
	for _, name := range []string{"start", "end"} {
		faults = append(faults, checkTime(report, name, location)...)
	}
	if evidence, ok := report["evidence"].([]any); ok {
		for i, element := range evidence {
			if said, ok := element.(map[string]any); ok {
				faults = append(faults, checkTime(said, "time", location+".evidence["+strconv.Itoa(i)+"]")...)
			}
		}
	}
	switch who := report["who"].(type) {
	case string:
		report["who"] = map[string]any{"name": who}
	case nil, map[string]any:
	default:
		delete(report, "who")
		faults = append(faults, Fault{Message: "must be a name, or an object with name and type", Location: location + ".who"})
	}
	return append(faults, b.checkSchema(report, location)...)
}

// checkTime reads the time called name in object. One that cannot be read is
// taken out, so that the schema does not complain of it again.
func checkTime(object map[string]any, name, location string) []Fault {
	var text string
	switch v := object[name].(type) {
	case nil:
		return nil
	case string:
		text = v
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	fault := Fault{
		Message:  "is not a time; write RFC 3339 such as 2026-01-02T15:04:05Z, or Unix seconds or milliseconds",
		Location: location + "." + name,
		Value:    object[name],
	}
	object[name] = text
	if _, err := annotate.ParseTime(text); err != nil {
		return []Fault{fault}
	}
	return nil
}

// checkSchema holds a report in its long form against the schema.
func (b *bodyReader) checkSchema(report map[string]any, location string) []Fault {
	path := huma.NewPathBuffer(make([]byte, 0, 64), 0)
	path.Push(location)
	var result huma.ValidateResult
	huma.Validate(b.registry, b.report, path, huma.ModeWriteToServer, report, &result)
	faults := make([]Fault, 0, len(result.Errors))
	for _, err := range result.Errors {
		fault := Fault{Message: err.Error(), Location: location}
		if detailed, ok := err.(huma.ErrorDetailer); ok {
			d := detailed.ErrorDetail()
			fault = Fault{Message: d.Message, Location: d.Location, Value: d.Value}
		}
		if fault.Message == validation.MsgUnexpectedProperty {
			fault.Message = "is no field here"
		}
		faults = append(faults, fault)
	}
	return faults
}

// fieldNames returns the names of a schema's properties, sorted.
func fieldNames(schema *huma.Schema) []string {
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func knownFields(schema *huma.Schema) string { return strings.Join(fieldNames(schema), ", ") }
