package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tidemark/tidemark/annotate"
)

// Record reports a change, and returns it as it now stands in the log. Sent
// again, a report with a source and external_id changes nothing.
func (c *Client) Record(ctx context.Context, r annotate.Report) (annotate.Result, error) {
	var result annotate.Result
	status, err := c.call(ctx, http.MethodPost, "changes", nil, r, &result.Change)
	if err != nil {
		return annotate.Result{}, err
	}
	if result.Change.ID == "" {
		return annotate.Result{}, fmt.Errorf("%s answered without a change; is it a Tidemark server?", c.Server())
	}
	result.Created = status == http.StatusCreated
	return result, nil
}

// Amend corrects the change with the id given, and returns it as it now stands.
func (c *Client) Amend(ctx context.Context, id string, p annotate.Patch) (annotate.Change, error) {
	body, err := mergePatch(p)
	if err != nil {
		return annotate.Change{}, err
	}
	var change annotate.Change
	_, err = c.call(ctx, http.MethodPatch, "changes/"+url.PathEscape(id), nil, body, &change)
	return change, err
}

// mergePatch returns p as RFC 7396 writes it.
func mergePatch(p annotate.Patch) (map[string]json.RawMessage, error) {
	b, err := json.Marshal(p.Set)
	if err != nil {
		return nil, fmt.Errorf("encode the correction: %w", err)
	}
	fields := make(map[string]json.RawMessage)
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, fmt.Errorf("encode the correction: %w", err)
	}
	for _, name := range p.Clear {
		fields[name] = json.RawMessage("null")
	}
	return fields, nil
}

// Change returns the change with the id given.
func (c *Client) Change(ctx context.Context, id string) (annotate.Change, error) {
	var change annotate.Change
	_, err := c.call(ctx, http.MethodGet, "changes/"+url.PathEscape(id), nil, nil, &change)
	return change, err
}

// Revisions returns the states that the change with the id given had, in the
// order in which the server tells them.
func (c *Client) Revisions(ctx context.Context, id string) ([]annotate.Revision, error) {
	var answer struct {
		Revisions []annotate.Revision `json:"revisions"`
	}
	_, err := c.call(ctx, http.MethodGet, "changes/"+url.PathEscape(id)+"/revisions", nil, nil, &answer)
	return answer.Revisions, err
}

// List returns one page of changes, newest start first.
func (c *Client) List(ctx context.Context, l annotate.List) (annotate.Page, error) {
	query := filterQuery(l.Filter)
	if l.Limit > 0 {
		query.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Cursor != "" {
		query.Set("cursor", l.Cursor)
	}
	var page annotate.Page
	_, err := c.call(ctx, http.MethodGet, "changes", query, nil, &page)
	return page, err
}

// filterQuery returns f as the list's and the stream's query parameters.
func filterQuery(f annotate.Filter) url.Values {
	query := make(url.Values)
	for name, t := range map[string]annotate.Time{"from": f.From, "to": f.To} {
		if !t.IsZero() {
			query.Set(name, t.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	add := func(name string, values []string) {
		if len(values) > 0 {
			query[name] = values
		}
	}
	add("kind", f.Kinds)
	add("service", f.Services)
	add("environment", f.Environments)
	add("who", f.Who)
	for _, status := range f.Statuses {
		query.Add("status", string(status))
	}
	for name, value := range f.Labels {
		query.Set("label."+name, value)
	}
	if f.Text != "" {
		query.Set("q", f.Text)
	}
	return query
}
