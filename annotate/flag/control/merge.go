package control

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// mergePatch returns the JSON object target with an RFC 7396 merge patch made to it.
func mergePatch(target, patch []byte) ([]byte, error) {
	var to, with any
	for _, part := range []struct {
		data []byte
		into *any
	}{{target, &to}, {patch, &with}} {
		dec := json.NewDecoder(bytes.NewReader(part.data))
		dec.UseNumber()
		if err := dec.Decode(part.into); err != nil {
			return nil, &annotate.Error{Code: annotate.Invalid, Message: "the patch must be a JSON object: " + err.Error()}
		}
	}
	if _, ok := with.(map[string]any); !ok {
		return nil, &annotate.Error{Code: annotate.Invalid, Message: "the patch must be a JSON object, whose members replace those of the definition"}
	}
	merged, err := json.Marshal(merge(to, with))
	if err != nil {
		return nil, fmt.Errorf("encoding a patched definition: %w", err)
	}
	return merged, nil
}

// merge is MergePatch of RFC 7396, section 2.
func merge(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}
