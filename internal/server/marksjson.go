package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/tidemark/tidemark/annotate"
)

// appendMarks appends m as JSON to b, as encoding/json would write it, only that
// the changes, which are JSON already, are copied and not read.
func appendMarks(b []byte, m annotate.Marks) ([]byte, error) {
	size := 0
	for i := range m.Marks {
		size += len(m.Marks[i].Change) + markOverhead
	}
	b = slices.Grow(b, size+markOverhead)
	b = append(b, `{"marks":[`...)
	groups := map[annotate.Group][]byte{}
	for i := range m.Marks {
		mark := &m.Marks[i]
		of := annotate.Group{Kind: mark.Kind, Service: mark.Service, Environment: mark.Environment, Status: mark.Status}
		group, known := groups[of]
		if !known {
			var err error
			if group, err = groupFields(of); err != nil {
				return nil, err
			}
			groups[of] = group
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = append(b, group...)
		var err error
		if b, err = appendMark(b, mark); err != nil {
			return nil, err
		}
		b = append(b, '}')
	}
	b = append(b, `],"resolution_ms":`...)
	b = strconv.AppendInt(b, m.Resolution, 10)
	b = append(b, `,"total":`...)
	b = strconv.AppendInt(b, int64(m.Total), 10)
	b = append(b, `,"omitted":`...)
	b = strconv.AppendInt(b, int64(m.Omitted), 10)
	return append(b, '}'), nil
}

// markOverhead is about how long a mark is beside its change, in bytes.
const markOverhead = 256

// groupFields returns the fields that many marks have in common.
func groupFields(g annotate.Group) ([]byte, error) {
	fields, err := json.Marshal(struct {
		Kind        string          `json:"kind"`
		Service     string          `json:"service"`
		Environment string          `json:"environment"`
		Status      annotate.Status `json:"status"`
	}{g.Kind, g.Service, g.Environment, g.Status})
	if err != nil {
		return nil, fmt.Errorf("encode a mark: %w", err)
	}
	return fields[1 : len(fields)-1], nil
}

// appendMark appends the fields of mark that are its own.
func appendMark(b []byte, mark *annotate.Mark) ([]byte, error) {
	headline, err := json.Marshal(mark.Headline)
	if err != nil {
		return nil, fmt.Errorf("encode a mark: %w", err)
	}
	b = append(b, `,"start":`...)
	b = mark.Start.AppendJSON(b)
	if mark.End != nil {
		b = append(b, `,"end":`...)
		b = mark.End.AppendJSON(b)
	}
	b = append(b, `,"count":`...)
	b = strconv.AppendInt(b, int64(mark.Count), 10)
	b = append(b, `,"headline":`...)
	b = append(b, headline...)
	b = append(b, `,"change":`...)
	return append(b, mark.Change...), nil
}
