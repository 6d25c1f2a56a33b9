package flag

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// maxDepth is how deep what is read may be nested.
const maxDepth = 64

// plain is a YAML scalar without quotes: what it is depends on what is wanted.
type plain struct {
	text  string
	value any
}

// zoneless is a time as a TOML file writes it without saying of which zone.
type zoneless struct{ text string }

// readTree reads data as maps, lists, strings, float64 and bool (and plain and
// zoneless ones of these), and reports what is wrong with it.
func readTree(at string, data []byte, format Format, p *problems) any {
	switch {
	case len(data) > MaxFile:
		p.add(at, len(data), "is %d bytes long; at most %d are read", len(data), MaxFile)
		return nil
	case !utf8.Valid(data):
		p.add(at, nil, "is not valid UTF-8")
		return nil
	}
	switch format {
	case JSON:
		return readJSON(at, data, p)
	case YAML:
		return readYAML(at, data, p)
	case TOML:
		return readTOML(at, data, p)
	default:
		p.add(at, string(format), "is in no format that is known; it must be json, yaml or toml")
		return nil
	}
}

func readJSON(at string, data []byte, p *problems) any {
	r := &jsonReader{dec: json.NewDecoder(bytes.NewReader(data)), problems: p}
	r.dec.UseNumber()
	tree, err := r.value(at, 0)
	if err == nil {
		if _, err = r.dec.Token(); err == nil {
			err = errors.New("there is more after its end")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		end := min(int(r.dec.InputOffset()), len(data))
		p.add(at, nil, "is no JSON, at line %d: %v", 1+bytes.Count(data[:end], []byte("\n")), err)
		return nil
	}
	if err != nil && tree == nil && len(bytes.TrimSpace(data)) == 0 {
		p.add(at, nil, "is empty")
	}
	return tree
}

type jsonReader struct {
	*problems
	dec *json.Decoder
}

func (r *jsonReader) value(at string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("is nested deeper than %d", maxDepth)
	}
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.cut(err, depth)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(at, depth)
		}
		return r.list(at, depth)
	case json.Number:
		n, err := strconv.ParseFloat(t.String(), 64)
		if err != nil {
			r.add(at, t.String(), "is a number that is too large")
		}
		return n, nil
	default:
		return t, nil
	}
}

// cut makes an end in the middle an error of its own: at depth 0 it is an end where there may be one.
func (r *jsonReader) cut(err error, depth int) error {
	if errors.Is(err, io.EOF) && depth > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *jsonReader) object(at string, depth int) (any, error) {
	members := make(map[string]any)
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.cut(err, depth+1)
		}
		name, _ := token.(string)
		value, err := r.value(under(at, name), depth+1)
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			r.add(under(at, name), nil, "is there twice")
		}
		members[name] = value
	}
	_, err := r.dec.Token()
	return members, r.cut(err, depth+1)
}

func (r *jsonReader) list(at string, depth int) (any, error) {
	items := []any{}
	for r.dec.More() {
		value, err := r.value(fmt.Sprintf("%s[%d]", at, len(items)), depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, value)
	}
	_, err := r.dec.Token()
	return items, r.cut(err, depth+1)
}

func readTOML(at string, data []byte, p *problems) any {
	var tree map[string]any
	if _, err := toml.Decode(string(data), &tree); err != nil {
		p.add(at, nil, "is no TOML: %v", err)
		return nil
	}
	return fromTOML(at, tree, p)
}

func fromTOML(at string, value any, p *problems) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = fromTOML(under(at, name), v[name], p)
		}
		return v
	case []map[string]any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = fromTOML(fmt.Sprintf("%s[%d]", at, i), v[i], p)
		}
		return items
	case []any:
		for i := range v {
			v[i] = fromTOML(fmt.Sprintf("%s[%d]", at, i), v[i], p)
		}
		return v
	case int64:
		return float64(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			p.add(at, nil, "must be a finite number")
			return 0.0
		}
		return v
	case time.Time:
		return tomlTime(v)
	default: // a string or a bool
		return v
	}
}

// tomlTime writes a time as the file has it. The library that reads TOML tells by
// the name of the zone that there was none.
func tomlTime(t time.Time) any {
	switch t.Location().String() {
	case "date-local":
		return zoneless{t.Format(time.DateOnly)}
	case "time-local":
		return zoneless{t.Format("15:04:05.999999999")}
	case "datetime-local":
		return zoneless{t.Format("2006-01-02T15:04:05.999999999")}
	default:
		return t.Format(time.RFC3339Nano)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
