package changes

import "github.com/grafana/grafana-plugin-sdk-go/data"

// The colours of Grafana's palette that changes are drawn in, as hex: their
// names are not understood everywhere.
const (
	red    = "#F2495C"
	orange = "#FF9830"
	yellow = "#FADE2A"
	green  = "#73BF69"
	blue   = "#5794F2"
	purple = "#B877D9"
	grey   = "#8E8E8E"
)

// colourOf returns the colour of a change: that of its status, where it is not
// simply done, and otherwise that of its kind. An incident is red from its
// beginning.
func colourOf(kind, status string) string {
	switch {
	case status == failed, kind == incident && status == running:
		return red
	case status == running, status == planned:
		return blue
	case status == cancelled, status == lost:
		return grey
	}
	return kindColour(kind)
}

func kindColour(kind string) string {
	switch kind {
	case deploy:
		return green
	case flagFlip:
		return purple
	case configPush:
		return orange
	case incident:
		return red
	case maintenance, drill:
		return yellow
	case restart:
		return blue
	}
	return grey
}

// gravity orders marks by how much they matter to somebody who looks for a
// cause: the gravest of a marker gives it its colour.
func (m *mark) gravity() int {
	switch m.Status {
	case failed:
		return 6
	case lost:
		return 4
	case running:
		if m.Kind == incident {
			return 5
		}
		return 3
	case planned:
		return 2
	case cancelled:
		return 0
	}
	if m.Kind == incident {
		return 5
	}
	return 1
}

// statusColours maps statuses to colours, for tables and timelines.
func statusColours() data.ValueMappings {
	colours := data.ValueMapper{succeeded: {Color: green, Index: len(statuses())}}
	for i, status := range statuses() {
		if status != succeeded {
			colours[status] = data.ValueMappingResult{Color: colourOf("", status), Index: i}
		}
	}
	return data.ValueMappings{colours}
}

func statuses() []string { return []string{planned, running, succeeded, failed, cancelled, lost} }

// kindColours maps the known kinds to colours.
func kindColours() data.ValueMappings {
	colours := data.ValueMapper{}
	for i, kind := range []string{deploy, flagFlip, configPush, incident, maintenance, drill, restart} {
		colours[kind] = data.ValueMappingResult{Color: kindColour(kind), Index: i}
	}
	return data.ValueMappings{colours}
}
