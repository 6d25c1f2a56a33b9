package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tidemark/tidemark/annotate/deploy"
)

// fillStrings is a document with the placeholders in its strings filled. What fills
// them stays within the string, whatever it is: it is written as JSON afterwards.
func fillStrings(v any, values map[string]string) any {
	switch v := v.(type) {
	case string:
		return deploy.Template(v).Fill(values, nil)
	case deploy.Template:
		return v.Fill(values, nil)
	case []any:
		filled := make([]any, len(v))
		for i := range v {
			filled[i] = fillStrings(v[i], values)
		}
		return filled
	case map[string]any:
		filled := make(map[string]any, len(v))
		for name := range v {
			filled[name] = fillStrings(v[name], values)
		}
		return filled
	case map[any]any:
		filled := make(map[string]any, len(v))
		for name := range v {
			filled[fmt.Sprint(name)] = fillStrings(v[name], values)
		}
		return filled
	}
	return v
}

// fixedServer is the part of a URL that says where the server is. It must have no
// placeholders: whoever may choose a parameter must not choose who gets the token.
func fixedServer(t deploy.Template) (string, error) {
	scheme, rest, _ := strings.Cut(string(t), "://")
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	if server := deploy.Template(scheme + "://" + host); host != "" && server.Fixed() {
		return string(server), nil
	}
	return "", errors.New("the URL must begin with http:// or https:// and a host without placeholders")
}

// fillURL is a URL with its placeholders filled, so that a value is a part of a
// segment of its path, or of its query, and nothing else.
func fillURL(t deploy.Template, values map[string]string) (string, error) {
	if t == "" {
		return "", nil
	}
	if _, err := fixedServer(t); err != nil {
		return "", err
	}
	path, query, hasQuery := strings.Cut(string(t), "?")
	filled := deploy.Template(path).Fill(values, url.PathEscape)
	if !deploy.Template(path).Fixed() {
		for segment := range strings.SplitSeq(filled, "/") {
			if segment == "." || segment == ".." {
				return "", errors.New("a value would make the URL's path go up or nowhere")
			}
		}
	}
	if hasQuery {
		filled += "?" + deploy.Template(query).Fill(values, url.QueryEscape)
	}
	return filled, nil
}

// field is the scalar in a document at a path of names and indices, as text.
func field(document any, path string) (string, bool) {
	for name := range strings.SplitSeq(path, ".") {
		switch v := document.(type) {
		case map[string]any:
			document = v[name]
		case []any:
			i, ok := index(name, len(v))
			if !ok {
				return "", false
			}
			document = v[i]
		default:
			return "", false
		}
	}
	switch v := document.(type) {
	case string:
		return v, true
	case bool, json.Number:
		return fmt.Sprint(v), true
	}
	return "", false
}

func index(text string, length int) (int, bool) {
	i := 0
	if text == "" || len(text) > 6 {
		return 0, false
	}
	for _, r := range text {
		if r < '0' || r > '9' {
			return 0, false
		}
		i = i*10 + int(r-'0')
	}
	return i, i < length
}
