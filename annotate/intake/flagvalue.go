package intake

import (
	"encoding/json"

	"github.com/tidemark/tidemark/annotate"
)

// given is what a flag gives, by how many per cent get each variation: the one that all
// get, or the percentages. Nil is where that is not known.
func given(percent map[string]float64) any {
	shares := map[string]float64{}
	for variation, share := range percent {
		if share > 0 {
			shares[variation] = share
		}
	}
	if len(shares) > 1 {
		return shares
	}
	for variation := range shares {
		return variation
	}
	return nil
}

// variationOf is a variation by its name, or else by its value as JSON.
func variationOf(name string, value any) string {
	if name != "" {
		return name
	}
	if text, ok := value.(string); ok {
		return text
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(raw)
}

// flagValue is the value of a flag, or the beginning of its JSON where it is too long.
func flagValue(value any) any {
	raw, err := json.Marshal(value)
	if err == nil && len(raw) <= annotate.MaxFlagValue {
		return value
	}
	return Clip(string(raw), annotate.MaxFlagValue/2-len(`""`)) // with each of its quotes escaped
}
