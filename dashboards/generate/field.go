package main

// grey is for what is neither good nor bad.
const grey = "#8e8e8e"

// unit is the id of a unit of Grafana's.
type unit string

// The units that the panels use.
const (
	count       unit = "short"
	words       unit = "string"
	share       unit = "percentunit"
	seconds     unit = "s"
	lasting     unit = "dtdurations" // seconds, as 2 hours, 5 minutes
	millis      unit = "ms"
	perSecond   unit = "ops"
	requests    unit = "reqps"
	byteSize    unit = "bytes" // of 1024
	bytesPerSec unit = "Bps"
	bitsPerSec  unit = "bps"
	packets     unit = "suffix:packets/s" // the unit of packets would call half a one 500 millipackets
	ago         unit = "dateTimeFromNow"
)

// fieldConfig says how values look.
type fieldConfig struct {
	Defaults  field      `json:"defaults"`
	Overrides []override `json:"overrides"`
}

type field struct {
	Unit       unit           `json:"unit"`
	Decimals   *int           `json:"decimals,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	NoValue    string         `json:"noValue,omitempty"`
	Color      *color         `json:"color,omitempty"`
	Thresholds *thresholds    `json:"thresholds,omitempty"`
	Mappings   []mapping      `json:"mappings,omitempty"`
	Links      []link         `json:"links,omitempty"`
	Custom     map[string]any `json:"custom"`
}

type color struct {
	Mode  string `json:"mode"`
	Fixed string `json:"fixedColor,omitempty"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

// step is the color of the values from Value on; nil is from the lowest on.
type step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// override changes how the fields look that its matcher matches.
type override struct {
	Matcher    matcher    `json:"matcher"`
	Properties []property `json:"properties"`
}

type matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

type property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// mapping gives values a color or a text: a map of values, or a pattern of them.
type mapping struct {
	Type    string `json:"type"`
	Options any    `json:"options"`
}

type mapped struct {
	Text  string `json:"text,omitempty"`
	Color string `json:"color,omitempty"`
	Index int    `json:"index"`
}

type mappedPattern struct {
	Pattern string `json:"pattern"`
	Result  mapped `json:"result"`
}

// at is the color from a value on.
type at struct {
	value float64
	color string
}

// steps are thresholds: the color of the lowest values, and where the next begin.
func steps(lowest string, then ...at) *thresholds {
	t := &thresholds{Mode: "absolute", Steps: []step{{Color: lowest}}}
	for _, s := range then {
		t.Steps = append(t.Steps, step{s.color, &s.value})
	}
	return t
}

// thresholds says from which values on the panel warns.
func (p *panel) thresholds(lowest string, then ...at) *panel {
	p.FieldConfig.Defaults.Thresholds = steps(lowest, then...)
	return p
}

// limit draws a dashed line where a graph's values begin to be too high.
func (p *panel) limit(from float64) *panel {
	p.FieldConfig.Defaults.Thresholds = steps("transparent", at{from, "orange"})
	p.FieldConfig.Defaults.Custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
	return p
}

// bounded lets the axis or the bar go from 0 to 1, as a share does.
func (p *panel) bounded() *panel {
	none, all := 0.0, 1.0
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &none, &all
	delete(p.FieldConfig.Defaults.Custom, "axisSoftMax") // it would be the upper end
	return p
}

func (p *panel) decimals(n int) *panel {
	p.FieldConfig.Defaults.Decimals = &n
	return p
}

// nothing is what the panel says when there is nothing to show. A cell of a table
// that has nothing in it stays empty.
func (p *panel) nothing(text string) *panel {
	p.FieldConfig.Defaults.NoValue = text
	if p.Type == "table" {
		everyField := override{matcher{"byRegexp", "/.*/"}, []property{{"noValue", ""}}}
		p.FieldConfig.Overrides = append([]override{everyField}, p.FieldConfig.Overrides...)
	}
	return p
}

// value adds a link to what the values lead to.
func (p *panel) value(title, url string) *panel {
	p.FieldConfig.Defaults.Links = append(p.FieldConfig.Defaults.Links, link{title, url})
	return p
}

// override changes how the field of that name looks.
func (p *panel) override(name string, properties ...property) *panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{matcher{"byName", name}, properties})
	return p
}

// colored fixes the color of a series.
func (p *panel) colored(name, fixed string) *panel {
	return p.override(name, property{"color", color{Mode: "fixed", Fixed: fixed}})
}

// below draws the series that match below the axis, as what goes the other way.
func (p *panel) below(pattern string) *panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{
		matcher{"byRegexp", "/" + pattern + "/"}, []property{{"custom.transform", "negative-Y"}},
	})
	delete(p.FieldConfig.Defaults.Custom, "axisSoftMin")
	delete(p.FieldConfig.Defaults.Custom, "axisSoftMax")
	p.FieldConfig.Defaults.Custom["axisCenteredZero"] = true
	return p
}

// byLastCharacter gives words a color by how they end, so that a version differs
// from the one before it.
func byLastCharacter(first int) []mapping {
	classes := []struct{ characters, color string }{
		{"06ciouCIOU", "semi-dark-blue"}, {"17djpvDJPV", "semi-dark-green"}, {"28ekqwEKQW", "semi-dark-orange"},
		{"39flrxFLRX", "semi-dark-purple"}, {"4agmsyAGMSY", "semi-dark-yellow"}, {"5bhntzBHNTZ", "light-blue"},
	}
	var all []mapping
	for i, class := range classes {
		all = append(all, mapping{"regex", mappedPattern{"/[" + class.characters + "]$/", mapped{Color: class.color, Index: first + i}}})
	}
	return all
}

// flagValues is the color of a flag's values: green is on, grey is off.
func flagValues() []mapping {
	return append([]mapping{
		{"regex", mappedPattern{"/^(true|on|enabled|yes|1|100|100%)$/i", mapped{Color: "green"}}},
		{"regex", mappedPattern{"/^(false|off|disabled|no|0|0%)$/i", mapped{Color: grey, Index: 1}}},
	}, byLastCharacter(2)...)
}

func (p *panel) mapped(mappings []mapping) *panel {
	p.FieldConfig.Defaults.Mappings = mappings
	return p
}
