package convert

import "github.com/tidemark/tidemark/annotate/flag"

// Export writes definitions as a file of GO Feature Flag, for those who leave,
// with all keys sorted. From reads it back as GOFF.
func Export(defs map[string]flag.Definition, notation flag.Format) ([]byte, error) {
	switch notation {
	case flag.JSON, flag.YAML, flag.TOML:
	default:
		return nil, invalid("notation", string(notation), "must be %s, %s or %s", flag.JSON, flag.YAML, flag.TOML)
	}
	if defs == nil {
		defs = map[string]flag.Definition{}
	}
	out, err := flag.MarshalFile(defs, notation)
	if err != nil {
		return nil, invalid("", nil, "cannot be written as %s: %v", notation, err)
	}
	return out, nil
}
