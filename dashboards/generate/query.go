package main

import "slices"

// target is one query of a panel, in the data source's own model.
type target struct {
	RefID      string      `json:"refId"`
	DataSource *dataSource `json:"datasource"`
	QueryType  string      `json:"queryType,omitempty"`

	// Samples.
	Expr         string `json:"expr,omitempty"`
	LegendFormat string `json:"legendFormat,omitempty"`
	Range        bool   `json:"range,omitempty"`
	Instant      bool   `json:"instant,omitempty"`
	Format       string `json:"format,omitempty"`
	Overlay      *bool  `json:"overlay,omitempty"`

	// Changes.
	Filter *filter `json:"filter,omitempty"`
	Limit  int     `json:"limit,omitempty"`
	As     string  `json:"as,omitempty"`
	Per    string  `json:"per,omitempty"`
	Of     string  `json:"of,omitempty"`
}

// filter selects changes; an empty list is all.
type filter struct {
	Kinds        []string `json:"kinds,omitempty"`
	Services     []string `json:"services,omitempty"`
	Environments []string `json:"environments,omitempty"`
	Statuses     []string `json:"statuses,omitempty"`
	Who          []string `json:"who,omitempty"`
	Text         string   `json:"text,omitempty"`
}

// The id of the panel that each dashboard begins with.
const lastChangeID = 1

// lastChange is the line on top of each dashboard: what changed last, who did it,
// and how long ago.
func lastChange(title string, which filter) *panel {
	return stat(lastChangeID, title, "The newest change that has begun. Most outages begin with one.", words).
		ask(target{QueryType: "last", Filter: &which}).
		option("reduceOptions", lastValue("/^(title|time|who|status)$/")).
		option("textMode", "value").option("justifyMode", "center").option("orientation", "vertical").
		option("text", map[string]any{"valueSize": 22}).
		nothing("Nothing has changed yet").
		override("time", property{"unit", ago}).
		leads("All changes", "/d/tidemark-changes?${ds:queryparam}&${__url_time_range}")
}

// changesTable lists changes, newest first, with the columns that a person reads;
// the title takes the room that the others leave. The data source colors kinds and
// statuses, and leads from the id to the page of the change.
func changesTable(id int, title, description string, which filter, limit int, without ...string) *panel {
	without = append(without, "end", "links")
	p := table(id, title, description).
		ask(target{QueryType: "changes", Filter: &which, As: "table", Limit: limit})
	order := map[string]int{}
	for i, column := range changesColumns() {
		if slices.Contains(without, column.name) {
			continue
		}
		order[column.name] = i
		if looks := column.looks; column.width > 0 {
			p.override(column.name, append(looks, property{"custom.width", column.width})...)
		}
	}
	return p.organize(order, without...)
}

type changesColumn struct {
	name  string
	width int
	looks []property
}

// changesColumns are the columns of a list of changes, in their order.
func changesColumns() []changesColumn {
	return []changesColumn{
		{"start", 170, nil},
		{"kind", 110, []property{coloredText()}},
		{"title", 0, nil},
		{"service", 120, []property{{"links", []link{serviceLink("${__value.raw:percentencode}")}}}},
		{"environment", 120, nil},
		{"version", 100, nil},
		{"previous version", 100, nil},
		{"flag", 140, nil},
		{"from", 100, nil},
		{"to", 100, nil},
		{"who", 130, nil},
		{"status", 105, []property{coloredText()}},
		{"duration", 100, nil},
		{"id", 75, pageOfChange()},
	}
}

// brief fits a table of changes into a part of a row: it says how long ago they
// began, and has no filters in its head.
func (p *panel) brief() *panel {
	p.FieldConfig.Defaults.Custom["filterable"] = false
	width := map[string]int{"start": 115, "kind": 105, "service": 95, "environment": 100, "who": 105, "status": 90, "id": 55}
	for _, o := range p.FieldConfig.Overrides {
		if w, ok := width[o.Matcher.Options]; ok {
			o.Properties[len(o.Properties)-1].Value = w
		}
	}
	return p.override("start", property{"unit", ago})
}

// pageOfChange shows a word for the id of a change, which people do not read;
// the link that the data source gave it stays.
func pageOfChange() []property {
	return []property{
		{"displayName", "page"},
		{"mappings", []mapping{{"regex", mappedPattern{"/.+/", mapped{Text: "open"}}}}},
	}
}

// coloredText colors a cell's text as its mapping says.
func coloredText() property {
	return property{"custom.cellOptions", map[string]any{"type": "color-text"}}
}

// serviceLink leads to the dashboard of one service.
func serviceLink(service string) link {
	return link{"The service", "/d/tidemark-service?${ds:queryparam}&${__url_time_range}&var-service=" + service}
}
