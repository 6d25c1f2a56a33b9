package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"time"
)

// pluginJSON is what Grafana reads of plugin.json, as far as a data source may
// say it. A key that is not here is a mistake.
type pluginJSON struct {
	Schema       string `json:"$schema"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	ID           string `json:"id"`
	Category     string `json:"category"`
	Executable   string `json:"executable"`
	Backend      bool   `json:"backend"`
	Metrics      bool   `json:"metrics"`
	Logs         bool   `json:"logs"`
	Annotations  bool   `json:"annotations"`
	Alerting     bool   `json:"alerting"`
	Streaming    bool   `json:"streaming"`
	MultiValue   bool   `json:"multiValueFilterOperators"`
	QueryOptions struct {
		MaxDataPoints bool `json:"maxDataPoints"`
		MinInterval   bool `json:"minInterval"`
		CacheTimeout  bool `json:"cacheTimeout"`
	} `json:"queryOptions"`
	Includes []struct {
		Type string `json:"type"`
		Name string `json:"name"`
		Path string `json:"path"`
		Role string `json:"role"`
	} `json:"includes"`
	Info struct {
		Author struct {
			Name  string `json:"name"`
			Email string `json:"email"`
			URL   string `json:"url"`
		} `json:"author"`
		Description string   `json:"description"`
		Keywords    []string `json:"keywords"`
		Logos       struct {
			Small string `json:"small"`
			Large string `json:"large"`
		} `json:"logos"`
		Links []struct {
			Name string `json:"name"`
			URL  string `json:"url"`
		} `json:"links"`
		Screenshots []struct {
			Name string `json:"name"`
			Path string `json:"path"`
		} `json:"screenshots"`
		Version string `json:"version"`
		Updated string `json:"updated"`
	} `json:"info"`
	Dependencies struct {
		GrafanaDependency string            `json:"grafanaDependency"`
		Plugins           []json.RawMessage `json:"plugins"`
	} `json:"dependencies"`
}

var (
	idPattern      = regexp.MustCompile(`^[0-9a-z]+-([0-9a-z]+-)?datasource$`)
	versionPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)
	rangePattern   = regexp.MustCompile(`^(<=|>=|<|>|=|~|\^)?\d+\.\d+\.(\d+|x)(-[0-9A-Za-z.-]+)?( +(<=|>=|<|>)\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)*$`)
)

// readPluginJSON parses plugin.json and refuses keys that Grafana does not know.
func readPluginJSON(text []byte) (pluginJSON, error) {
	var plugin pluginJSON
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&plugin)
	return plugin, err
}

// problems says what is wrong with the values, apart from the files they name.
func (p pluginJSON) problems() []string {
	var found []string
	must := func(holds bool, format string, args ...any) {
		if !holds {
			found = append(found, "plugin.json: "+fmt.Sprintf(format, args...))
		}
	}
	must(p.Type == "datasource", "type: %q must be datasource", p.Type)
	must(idPattern.MatchString(p.ID), "id: %q must be lower case, ORGANISATION-NAME-datasource", p.ID)
	must(p.Name != "", "name: is empty")
	must(p.Backend && p.Executable != "", "executable: %q needs backend: true and a name", p.Executable)
	must(p.Metrics || p.Logs, "metrics: a data source must answer queries of panels")
	must(!p.Alerting || p.Backend, "alerting: needs a backend")
	must(p.Info.Author.Name != "", "info.author.name: is empty")
	must(p.Info.Description != "", "info.description: is empty")
	must(len(p.Info.Keywords) > 0, "info.keywords: is empty")
	must(len(p.Info.Links) > 0, "info.links: is empty")
	must(len(p.Info.Screenshots) > 0, "info.screenshots: is empty")
	for _, link := range p.Info.Links {
		u, err := url.Parse(link.URL)
		must(err == nil && u.Scheme == "https" && u.Host != "" && link.Name != "", "info.links: %q must have a name and an https URL", link.URL)
	}
	for _, include := range p.Includes {
		must(include.Type == "dashboard" && include.Name != "" && include.Path != "", "includes: %q must be a dashboard with a name and a path", include.Path)
	}
	must(versionPattern.MatchString(p.Info.Version), "info.version: %q must be a semantic version", p.Info.Version)
	_, err := time.Parse(time.DateOnly, p.Info.Updated)
	must(err == nil, "info.updated: %q must be a date like 2026-01-31", p.Info.Updated)
	must(rangePattern.MatchString(p.Dependencies.GrafanaDependency), "dependencies.grafanaDependency: %q must be a range like >=11.6.0", p.Dependencies.GrafanaDependency)
	return found
}

// files are the paths that plugin.json names, each with the key that does.
func (p pluginJSON) files() map[string]string {
	named := map[string]string{"info.logos.small": p.Info.Logos.Small, "info.logos.large": p.Info.Logos.Large}
	for i, shot := range p.Info.Screenshots {
		named[fmt.Sprintf("info.screenshots[%d].path", i)] = shot.Path
	}
	for i, include := range p.Includes {
		named[fmt.Sprintf("includes[%d].path", i)] = include.Path
	}
	return named
}
