package server

import (
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
)

type changesPage struct {
	frame
	// Fields are what the form asks for, and Rest what else was asked for.
	Fields, Rest []field
	Changes      []annotate.Change
	// Older leads to the page that follows; empty on the last.
	Older string
}

// field is one parameter of the list, and its value.
type field struct{ Name, Label, Hint, Value string }

// listFields are the parameters that the form of the list shows.
func listFields() []field {
	return []field{
		{Name: "kind", Label: "Kind", Hint: "deploy"},
		{Name: "service", Label: "Service"},
		{Name: "environment", Label: "Environment"},
		{Name: "status", Label: "Status", Hint: "running"},
		{Name: "who", Label: "Who"},
		{Name: "q", Label: "Words"},
	}
}

// changesOf answers a page of changes, selected as in the API.
func (s *Server) changesOf(c echo.Context) error {
	// A form sends its empty fields as well.
	query := c.QueryParams()
	for name, values := range query {
		values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
		query[name] = values
		if len(values) == 0 {
			delete(query, name)
		}
	}
	data := changesPage{frame: s.frame(), Fields: listFields()}
	data.fill(query)
	selected, err := parseSelection(query.Encode(), listParameters())
	if err == nil {
		var page annotate.Page
		page, err = s.opts.Changes.List(c.Request().Context(), selected.List)
		data.Changes = page.Changes
		if page.Next != nil {
			query.Set("cursor", *page.Next)
			data.Older = s.prefix + "/changes?" + query.Encode()
		}
	}
	return s.render(c, s.troubled(&data.frame, "changes", err), "changes", data)
}

// fill puts what was asked for into the form. A further value of a field, and
// what the form has no field for, goes along unseen; the cursor does not, since
// another selection has other pages.
func (p *changesPage) fill(query url.Values) {
	for i, f := range p.Fields {
		if values := query[f.Name]; len(values) > 0 {
			p.Fields[i].Value = values[0]
			p.keep(f.Name, values[1:])
		}
	}
	for name, values := range query {
		shown := slices.ContainsFunc(p.Fields, func(f field) bool { return f.Name == name })
		if !shown && name != "cursor" {
			p.keep(name, values)
		}
	}
}

func (p *changesPage) keep(name string, values []string) {
	for _, value := range values {
		p.Rest = append(p.Rest, field{Name: name, Value: value})
	}
}
