package main

// dataSourceType is the plugin that all dashboards ask.
const dataSourceType = "tidemark-tidemark-datasource"

// dataSource names the data source that a person chose on top of the dashboard.
type dataSource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

func chosenDataSource() *dataSource { return &dataSource{dataSourceType, "${ds}"} }

// variable is what a person chooses on top of a dashboard. Query is a string or
// a variableQuery, as its type has it.
type variable struct {
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	Description string      `json:"description,omitempty"`
	Type        string      `json:"type"`
	DataSource  *dataSource `json:"datasource,omitempty"`
	Query       any         `json:"query"`
	Definition  string      `json:"definition,omitempty"`
	Regex       string      `json:"regex"`
	Refresh     int         `json:"refresh,omitempty"` // 1: when the dashboard is loaded
	Sort        int         `json:"sort,omitempty"`    // 1: by the alphabet
	Multi       bool        `json:"multi"`
	IncludeAll  bool        `json:"includeAll"`
	AllValue    string      `json:"allValue,omitempty"`
	Options     []option    `json:"options"`
	Current     option      `json:"current"`
	Hide        int         `json:"hide"` // 0: shown
}

type option struct {
	Text     string `json:"text"`
	Value    string `json:"value"`
	Selected bool   `json:"selected,omitempty"`
}

// variableQuery asks the data source for the values of a variable.
type variableQuery struct {
	RefID string `json:"refId"`
	Kind  string `json:"kind"`
	Label string `json:"label,omitempty"`
	Match string `json:"match,omitempty"`
}

func dataSourceVariable() variable {
	return variable{
		Name: "ds", Label: "Data source", Type: "datasource", Query: dataSourceType, Refresh: 1,
		Description: "The Tidemark that is asked.", Options: []option{},
	}
}

// labelValues lets a person choose a value that a label has in match, or in any
// series when match is empty. It may name other variables.
func labelValues(name, title, description, label, match string) variable {
	definition := "label_values(" + label + ")"
	if match != "" {
		definition = "label_values(" + match + ", " + label + ")"
	}
	return variable{
		Name: name, Label: title, Description: description, Type: "query", DataSource: chosenDataSource(),
		Query: variableQuery{RefID: name, Kind: "label_values", Label: label, Match: match}, Definition: definition,
		Refresh: 1, Sort: 1, Options: []option{},
	}
}

// orAll adds All to the choice, and chooses it at first. It selects also what
// does not have the label at all.
func (v variable) orAll() variable {
	v.IncludeAll, v.AllValue = true, ".*"
	v.Current = option{Text: "All", Value: "$__all"}
	return v
}

func environmentVariable() variable {
	return labelValues("environment", "Environment", "Where: of changes, and of the samples that say so.", "environment", "").orAll()
}

// labelVariable lets a person say which label names a service: our own word, the
// one of OpenTelemetry, or the one that every scraped sample has.
func labelVariable() variable {
	v := variable{
		Name: "label", Label: "Service label", Type: "custom", Query: "service,service_name,job",
		Description: "The label of the samples that names the service.",
		Current:     option{Text: "service", Value: "service"},
	}
	for _, name := range []string{"service", "service_name", "job"} {
		v.Options = append(v.Options, option{Text: name, Value: name, Selected: name == v.Current.Value})
	}
	return v
}

func textVariable(name, title, description string) variable {
	return variable{Name: name, Label: title, Description: description, Type: "textbox", Query: "", Options: []option{}}
}
