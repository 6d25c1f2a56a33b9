package main

import "fmt"

// The version of Grafana's dashboard schema that is written: that of 11.6, the
// oldest Grafana that the data source plugin runs in. Newer ones migrate it.
const schemaVersion = 41

// columns is the width of Grafana's grid.
const columns = 24

// dashboard is Grafana's model of a dashboard, as far as ours use it.
type dashboard struct {
	UID           string          `json:"uid"`
	Title         string          `json:"title"`
	Description   string          `json:"description"`
	Tags          []string        `json:"tags"`
	SchemaVersion int             `json:"schemaVersion"`
	Version       int             `json:"version"`
	Editable      bool            `json:"editable"`
	GraphTooltip  int             `json:"graphTooltip"` // 1: a crosshair shared by all panels
	Refresh       string          `json:"refresh"`
	Time          timeRange       `json:"time"`
	TimePicker    struct{}        `json:"timepicker"`
	Timezone      string          `json:"timezone"`
	Annotations   annotationList  `json:"annotations"`
	Links         []dashboardLink `json:"links"`
	Templating    variableList    `json:"templating"`
	Panels        []*panel        `json:"panels"`

	bottom int // of what was laid out so far
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// annotationList is empty in our dashboards: the data source draws changes by
// itself.
type annotationList struct {
	List []struct{} `json:"list"`
}

type variableList struct {
	List []variable `json:"list"`
}

// dashboardLink leads to all dashboards that have its tags, and takes the
// variables and the time range along.
type dashboardLink struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
	TargetBlank bool     `json:"targetBlank"`
	Icon        string   `json:"icon"`
	Tooltip     string   `json:"tooltip"`
	URL         string   `json:"url"`
}

// newDashboard returns a dashboard with what all of them share. from is how far
// back it looks, such as now-6h.
func newDashboard(uid, title, description, from string, variables ...variable) *dashboard {
	return &dashboard{
		UID: uid, Title: title, Description: description, Tags: []string{"tidemark"},
		SchemaVersion: schemaVersion, Version: 1, Editable: true, GraphTooltip: 1,
		Refresh: "30s", Time: timeRange{from, "now"}, Timezone: "browser",
		Annotations: annotationList{[]struct{}{}},
		Links: []dashboardLink{{
			Title: "Tidemark", Type: "dashboards", Tags: []string{"tidemark"},
			IncludeVars: true, KeepTime: true, Icon: "external link",
		}},
		Templating: variableList{append([]variable{dataSourceVariable()}, variables...)},
	}
}

// low is the height up to which a graph has no room for a table under it.
const low = 8

// row lays out panels side by side, height grid units high. The panels that have
// no width of their own share what is left.
func (d *dashboard) row(height int, panels ...*panel) {
	left, open := columns, 0
	for _, p := range panels {
		left -= p.width
		if p.width == 0 {
			open++
		}
	}
	if open == 0 && left != 0 || open > 0 && (left <= 0 || left%open != 0) {
		panic(fmt.Sprintf("%s: the row of %q does not fill %d columns", d.UID, panels[0].Title, columns))
	}
	x := 0
	for _, p := range panels {
		if p.width == 0 {
			p.width = left / open
		}
		if p.Type == "timeseries" && height <= low {
			p.legend("lastNotNull").list()
		}
		p.GridPos = gridPos{Height: height, Width: p.width, X: x, Y: d.bottom}
		x += p.width
		d.Panels = append(d.Panels, p)
	}
	d.bottom += height
}
