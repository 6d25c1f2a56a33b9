package dashboards

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
)

//go:embed json/*.json provisioning/*/*.yaml
var embedded embed.FS

// File is one file that Grafana reads.
type File struct {
	// Name is its path below the folder that it is exported to: dashboards/…
	// goes to where the dashboard provider looks, provisioning/… to Grafana's
	// folder of that name.
	Name    string
	Content []byte
}

// Files returns all files, by name.
func Files() ([]File, error) {
	var files []File
	for _, from := range []struct{ pattern, folder string }{
		{"json/*", "dashboards"},
		{"provisioning/alerting/*", "provisioning/alerting"},
		{"provisioning/dashboards/*", "provisioning/dashboards"},
		{"provisioning/datasources/*", "provisioning/datasources"},
	} {
		names, err := fs.Glob(embedded, from.pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			content, err := embedded.ReadFile(name)
			if err != nil {
				return nil, err
			}
			files = append(files, File{path.Join(from.folder, path.Base(name)), content})
		}
	}
	return files, nil
}

// Dashboard is what a person needs to know to choose one.
type Dashboard struct {
	// UID is its name in Grafana's URLs: /d/UID.
	UID         string `json:"uid"`
	Title       string `json:"title"`
	Description string `json:"description"`
	// JSON is Grafana's model of it, whole.
	JSON json.RawMessage `json:"-"`
}

// List returns the dashboards, in the order in which a person meets them.
func List() ([]Dashboard, error) {
	var list []Dashboard
	for _, name := range [...]string{"now", "service", "host", "changes", "flags", "itself"} {
		content, err := embedded.ReadFile("json/" + name + ".json")
		if err != nil {
			return nil, err
		}
		d := Dashboard{JSON: content}
		if err := json.Unmarshal(content, &d); err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", name, err)
		}
		list = append(list, d)
	}
	return list, nil
}
