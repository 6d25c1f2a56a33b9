package changes

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// maxPage is how many changes the server gives at once.
const maxPage = 1000

// page is a part of a list.
type page struct {
	Changes []Change `json:"changes"`
	Next    *string  `json:"next"`
	// Omitted is how many the server cut, where it has no next page.
	Omitted int `json:"omitted"`
}

// cut returns a notice for an answer of which only so many are shown.
func (p page) cut(shown int) []data.Notice {
	if p.Omitted == 0 {
		return nil
	}
	return []data.Notice{{
		Severity: data.NoticeSeverityWarning,
		Text:     fmt.Sprintf("%d are shown, %d more are not. Narrow the selection.", shown, p.Omitted),
	}}
}

// list returns the changes that params select, newest start first, and whether
// there are more than limit.
func (l *Log) list(ctx context.Context, params url.Values, limit int) (found []Change, more bool, err error) {
	for {
		params.Set("limit", strconv.Itoa(min(maxPage, limit-len(found))))
		p, err := post[page](ctx, l.server, listEndpoint, params)
		if err != nil {
			return nil, false, err
		}
		found = append(found, p.Changes...)
		switch {
		case p.Next == nil || *p.Next == "":
			return found, false, nil
		case len(found) >= limit:
			return found, true, nil
		case len(p.Changes) == 0:
			return found, true, nil // a page that leads nowhere would be asked for ever
		}
		params.Set("cursor", *p.Next)
	}
}

// count returns how many changes f selects in s.
func (l *Log) count(ctx context.Context, f Filter, s span) (int, error) {
	p := f.during(s)
	p.Set("limit", "1")
	p.Set("resolution", strconv.FormatInt(max(1000, s.length().Milliseconds()), 10))
	m, err := post[marks](ctx, l.server, marksEndpoint, p)
	return m.Total, err
}

// newest asks for the newest changes by params.
func (l *Log) newest(ctx context.Context, params url.Values) (page, error) {
	return post[page](ctx, l.server, lastEndpoint, params)
}
