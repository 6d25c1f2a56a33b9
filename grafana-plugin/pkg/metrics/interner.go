package metrics

import (
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/promjson"
)

// maxInterned bounds the texts that are kept to be used again.
const maxInterned = 10_000

// interner keeps the names and values of labels, most of which many series
// have in common.
type interner map[string]string

func (in interner) text(b []byte) string {
	if known, ok := in[string(b)]; ok {
		return known
	}
	text := string(b)
	if len(in) < maxInterned {
		in[text] = text
	}
	return text
}

// labels reads an object of texts.
func (in interner) labels(s *promjson.Scanner) data.Labels {
	labels := data.Labels{}
	for key := range s.Fields() {
		name := in.text(key)
		value := s.Text()
		if s.Err() != nil {
			break
		}
		labels[name] = in.text(value)
	}
	return labels
}
