package ofrep

import (
	"encoding/json"
	"math"

	"github.com/tidemark/tidemark/annotate/flag"
)

// encode writes a result as OFREP has it: with a value, without one where the
// code's own default counts, or as a failure.
func encode(result *flag.Result) *flag.Encoded {
	text := appendResult(nil, result)
	return &flag.Encoded{Text: text, Digest: digestOf(text)}
}

func appendResult(text []byte, result *flag.Result) []byte {
	text = append(text, `{"key":`...)
	text = appendJSON(text, result.Key)
	if result.Err != nil {
		text = append(text, `,"errorCode":`...)
		text = appendJSON(text, result.Err.Code)
		text = append(text, `,"errorDetails":`...)
		text = appendJSON(text, result.Err.Message)
		return append(appendMetadata(text, result.Metadata), '}')
	}
	if result.Value != nil {
		text = append(text, `,"value":`...)
		text = appendJSON(text, result.Value)
	}
	text = append(text, `,"reason":`...)
	text = appendJSON(text, wireReason(result.Reason))
	if result.Variant != "" {
		text = append(text, `,"variant":`...)
		text = appendJSON(text, result.Variant)
	}
	return append(appendMetadata(text, result.Metadata), '}')
}

// wireReason is a reason as OFREP's document lists them. It has no word for the
// default rule of a flag whose targeting caught nobody, which OpenFeature calls
// DEFAULT; a client that holds answers against the document would refuse it.
func wireReason(reason flag.Reason) flag.Reason {
	switch reason {
	case flag.ReasonStatic, flag.ReasonTargetingMatch, flag.ReasonSplit, flag.ReasonDisabled:
		return reason
	}
	return flag.ReasonUnknown
}

// appendMetadata writes ,"metadata":{…}, if there is any. Protocol and SDKs know
// booleans, texts and numbers; anything else becomes a text of its JSON.
func appendMetadata(text []byte, metadata map[string]any) []byte {
	if len(metadata) == 0 {
		return text
	}
	flat := make(map[string]any, len(metadata))
	for name, value := range metadata {
		switch v := value.(type) {
		case nil:
			continue
		case bool, string, int, int64, uint64:
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
		default:
			value = string(appendJSON(nil, v))
		}
		flat[name] = value
	}
	return appendJSON(append(text, `,"metadata":`...), flat)
}

// appendJSON appends v as JSON; null for what JSON cannot hold, which no
// definition that was let in has.
func appendJSON(text []byte, v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		return append(text, "null"...)
	}
	return append(text, encoded...)
}
