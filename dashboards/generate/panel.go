package main

import "strings"

// panel is Grafana's model of a panel, as far as ours use it.
type panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description"`
	GridPos         gridPos          `json:"gridPos"`
	DataSource      *dataSource      `json:"datasource"`
	Interval        string           `json:"interval,omitempty"`
	MaxDataPoints   int              `json:"maxDataPoints,omitempty"`
	Targets         []target         `json:"targets"`
	Transformations []transformation `json:"transformations,omitempty"`
	FieldConfig     fieldConfig      `json:"fieldConfig"`
	Options         map[string]any   `json:"options"`
	Links           []link           `json:"links,omitempty"`

	width int
}

type gridPos struct {
	Height int `json:"h"`
	Width  int `json:"w"`
	X      int `json:"x"`
	Y      int `json:"y"`
}

// link leads from a panel or a value to a page.
type link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

type transformation struct {
	ID      string         `json:"id"`
	Options map[string]any `json:"options"`
}

// newPanel returns a panel without queries. The id is part of links to the panel
// and so must never change.
func newPanel(id int, kind, title, description string, unit unit) *panel {
	return &panel{
		ID: id, Type: kind, Title: title, Description: description, DataSource: chosenDataSource(),
		FieldConfig: fieldConfig{
			Defaults:  field{Unit: unit, Custom: map[string]any{}, Color: &color{Mode: "palette-classic"}},
			Overrides: []override{},
		},
		Options: map[string]any{},
	}
}

// leastTop is how high the axis reaches at least. An axis of zeros alone would
// reach to 100, which is 10,000 % of a share.
var leastTop = map[unit]float64{share: 0.02, seconds: 0.01, perSecond: 1, requests: 1, packets: 1, count: 1}

// timeseries is a graph, with a legend that tells the newest, the mean and the
// highest value.
func timeseries(id int, title, description string, unit unit) *panel {
	p := newPanel(id, "timeseries", title, description, unit)
	p.FieldConfig.Defaults.Custom = map[string]any{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 8, "gradientMode": "none",
		"showPoints": "never", "pointSize": 4, "spanNulls": false, "axisPlacement": "auto", "axisSoftMin": 0,
		"scaleDistribution": map[string]any{"type": "linear"},
		"stacking":          map[string]any{"mode": "none", "group": "A"},
		"thresholdsStyle":   map[string]any{"mode": "off"},
	}
	if top, ok := leastTop[unit]; ok {
		p.FieldConfig.Defaults.Custom["axisSoftMax"] = top
	}
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull", "mean", "max"}, "sortBy": "Max", "sortDesc": true},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	return p
}

// stat is one number, or a few, to be read from across the room.
func stat(id int, title, description string, unit unit) *panel {
	p := newPanel(id, "stat", title, description, unit)
	p.FieldConfig.Defaults.Color = &color{Mode: "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("text")
	p.Options = map[string]any{
		"reduceOptions": lastValue(""), "orientation": "auto", "textMode": "auto", "wideLayout": true,
		"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "showPercentChange": false, "percentChangeColorMode": "standard",
	}
	return p
}

// bargauge is a bar for each series, coloured by the thresholds.
func bargauge(id int, title, description string, unit unit) *panel {
	p := newPanel(id, "bargauge", title, description, unit)
	p.FieldConfig.Defaults.Color = &color{Mode: "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("blue")
	p.FieldConfig.Defaults.Min = new(float64)
	p.Options = map[string]any{
		"reduceOptions": lastValue(""), "orientation": "horizontal", "displayMode": "basic", "valueMode": "color",
		"showUnfilled": true, "namePlacement": "auto", "sizing": "manual", "minVizHeight": 16, "minVizWidth": 8, "maxVizHeight": 40,
		"text": map[string]any{"titleSize": 14, "valueSize": 18},
	}
	return p
}

// table shows a row for each change, flag or series.
func table(id int, title, description string) *panel {
	p := newPanel(id, "table", title, description, words)
	p.FieldConfig.Defaults.Color = &color{Mode: "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("text")
	p.FieldConfig.Defaults.Custom = map[string]any{"align": "auto", "cellOptions": map[string]any{"type": "auto"}, "filterable": true, "inspect": false}
	p.Options = map[string]any{"showHeader": true, "cellHeight": "sm"}
	return p
}

// stateTimeline shows which words held when.
func stateTimeline(id int, title, description string) *panel {
	p := newPanel(id, "state-timeline", title, description, words)
	p.FieldConfig.Defaults.Color = &color{Mode: "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("blue")
	p.FieldConfig.Defaults.Custom = map[string]any{"lineWidth": 0, "fillOpacity": 70}
	p.Options = map[string]any{
		"mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.8,
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "single", "sort": "none"},
	}
	return p
}

func lastValue(fields string) map[string]any {
	return map[string]any{"calcs": []string{"lastNotNull"}, "fields": fields, "values": false}
}

// wide gives the panel a width of its own.
func (p *panel) wide(columns int) *panel {
	p.width = columns
	return p
}

// ask adds a query; the first is A.
func (p *panel) ask(t target) *panel {
	t.RefID = string(rune('A' + len(p.Targets)))
	t.DataSource = chosenDataSource()
	p.Targets = append(p.Targets, t)
	return p
}

// promql adds a query of samples for the whole time range. The legend is the
// name of each series; it may hold labels as {{label}}.
func (p *panel) promql(legend, expr string) *panel {
	return p.ask(target{Expr: strings.TrimSpace(expr), LegendFormat: legend, Range: true})
}

// now adds a query of samples at the end of the time range.
func (p *panel) now(legend, expr string) *panel {
	return p.ask(target{Expr: strings.TrimSpace(expr), LegendFormat: legend, Instant: true})
}

// stacked draws the series on top of each other.
func (p *panel) stacked() *panel {
	p.FieldConfig.Defaults.Custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 40
	p.FieldConfig.Defaults.Custom["lineWidth"] = 0
	return p
}

// days draws a bar for each day, beginning where the day does. What counts changes
// needs no lines for them.
func (p *panel) days() *panel {
	p.stacked()
	for i := range p.Targets {
		p.Targets[i].Overlay = new(bool)
	}
	p.Interval = "1d"
	for key, value := range map[string]any{"drawStyle": "bars", "barAlignment": 1, "barWidthFactor": 0.8, "fillOpacity": 70} {
		p.FieldConfig.Defaults.Custom[key] = value
	}
	return p.legend("sum").list()
}

// stepped draws each value until the next one: what jumps does not slope.
func (p *panel) stepped() *panel {
	p.FieldConfig.Defaults.Custom["lineInterpolation"] = "stepAfter"
	return p
}

// points draws a point for each value.
func (p *panel) points() *panel {
	for key, value := range map[string]any{"drawStyle": "points", "showPoints": "always", "pointSize": 8} {
		p.FieldConfig.Defaults.Custom[key] = value
	}
	return p
}

// legend says which values of each series the legend tells.
func (p *panel) legend(calcs ...string) *panel {
	legend := p.Options["legend"].(map[string]any)
	legend["calcs"] = calcs
	delete(legend, "sortBy")
	delete(legend, "sortDesc")
	return p
}

// list writes the legend's series one after the other: it needs less room than a
// table, which shows a row or two on a low panel.
func (p *panel) list() *panel {
	p.Options["legend"].(map[string]any)["displayMode"] = "list"
	return p
}

// plainLegend only names the series.
func (p *panel) plainLegend() *panel {
	return p.legend([]string{}...).list()
}

// option sets an option of the panel's type.
func (p *panel) option(name string, value any) *panel {
	p.Options[name] = value
	return p
}

// transform adds a transformation of what the queries answer with.
func (p *panel) transform(id string, options map[string]any) *panel {
	p.Transformations = append(p.Transformations, transformation{id, options})
	return p
}

// leads adds a link to the panel's corner.
func (p *panel) leads(title, url string) *panel {
	p.Links = append(p.Links, link{title, url})
	return p
}

// organize puts the columns of a table into an order, and leaves out others.
func (p *panel) organize(order map[string]int, without ...string) *panel {
	exclude := map[string]bool{}
	for _, name := range without {
		exclude[name] = true
	}
	return p.transform("organize", map[string]any{
		"excludeByName": exclude, "indexByName": order, "renameByName": map[string]string{},
	})
}
