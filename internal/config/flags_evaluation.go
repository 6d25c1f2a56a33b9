package config

import (
	"fmt"
	"net/url"

	"go.yaml.in/yaml/v3"
)

// checkOrigin refuses what no browser names as the origin of a page.
func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf(`is %s, and must be a web site's origin such as https://shop.example, or "*" for all`, quoted(origin))
	}
	return nil
}

// readContext reads what is added to the contexts of evaluations.
func (f *Flags) readContext(r *reader, n *yaml.Node, key string) {
	r.entries(n, key, func(name, value *yaml.Node, path string) {
		value = resolve(value)
		if value.Kind != yaml.ScalarNode || isNull(value) {
			r.fail(value, path, "is %s, and must be a text, a number, true or false", kind(value))
			return
		}
		var attribute any
		if err := value.Decode(&attribute); err != nil {
			r.fail(value, path, "is %s, and must be a text, a number, true or false", kind(value))
			return
		}
		switch number := attribute.(type) {
		case int:
			attribute = float64(number) // as a context has it that comes in as JSON
		case string, bool, float64:
		default:
			attribute = value.Value // such as a date
		}
		if f.Context == nil {
			f.Context = map[string]any{}
		}
		f.Context[name.Value] = attribute
	})
}
