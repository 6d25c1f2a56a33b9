package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// maxDepth is how deep a file may be nested.
const maxDepth = 100

// read parses JSON or YAML. What it returns holds the types of encoding/json alone.
func read(data []byte, notation flag.Format) (value, error) {
	data, notation, err := written(data, notation)
	if err != nil {
		return value{}, err
	}
	var v any
	switch notation {
	case flag.JSON:
		v, err = readJSON(data)
	case flag.YAML:
		v, err = readYAML(data)
	default:
		return value{}, invalid("notation", string(notation), "must be %s or %s", flag.JSON, flag.YAML)
	}
	if err != nil {
		return value{}, err
	}
	if v, err = plain("", v, 0); err != nil {
		return value{}, err
	}
	return value{v: v, in: &input{}}, nil
}

// written says how data is written, if notation does not, and checks its length.
func written(data []byte, notation flag.Format) ([]byte, flag.Format, error) {
	if len(data) > MaxBytes {
		return nil, "", &annotate.Error{Code: annotate.TooMany,
			Message: fmt.Sprintf("the file is %d bytes long, and may be %d", len(data), MaxBytes)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		return nil, "", invalid("", nil, "the file is empty")
	case notation != "":
	case trimmed[0] == '{' || trimmed[0] == '[':
		notation = flag.JSON
	default:
		notation = flag.YAML
	}
	return data, notation, nil
}

func readJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	var v any
	if err := d.Decode(&v); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
			return nil, invalid("", nil, "line %d is no JSON: %v", line, err)
		}
		return nil, invalid("", nil, "is no JSON: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("", nil, "has something after the end of the JSON value")
	}
	return v, nil
}

func readYAML(data []byte) (any, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, invalid("", nil, "is no YAML: %v", err)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, invalid("", nil, "has more than one YAML document")
	}
	return v, nil
}

// plain brings what YAML reads to what JSON would have read.
func plain(path string, v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, &annotate.Error{Code: annotate.TooMany, Field: path, Message: fmt.Sprintf("is nested deeper than %d", maxDepth)}
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, invalid(path, strconv.FormatFloat(v, 'g', -1, 64), "must be a finite number")
		}
		return v, nil
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case []any:
		for i := range v {
			item, err := plain(at(path, i), v[i], depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
		return v, nil
	case map[string]any:
		for _, k := range sortedKeys(v) {
			item, err := plain(under(path, k), v[k], depth+1)
			if err != nil {
				return nil, err
			}
			v[k] = item
		}
		return v, nil
	default:
		return nil, invalid(path, fmt.Sprintf("%T", v), "must be an object with text as its keys, a list, text, a number, true, false or null")
	}
}
