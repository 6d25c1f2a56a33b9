// Package grafanahost stands in for the part of Grafana that a data source
// plugin meets: it starts the backend as Grafana does and gives it to the front
// end under the routes of Grafana's HTTP API. It has one data source, no users,
// and keeps nothing.
package grafanahost

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/config"

	"github.com/tidemark/tidemark/grafana-plugin/tests/pluginprocess"
)

const (
	// PluginID is the id of plugin.json.
	PluginID = "tidemark-tidemark-datasource"
	// SourceUID is the uid of the only data source.
	SourceUID = "tidemark"
)

// Settings are what a person saves for a data source, under the names of
// Grafana's API.
type Settings struct {
	URL            string            `json:"url"`
	JSONData       json.RawMessage   `json:"jsonData"`
	SecureJSONData map[string]string `json:"secureJsonData"`
}

// Host is one Grafana with one data source.
type Host struct {
	backend *pluginprocess.Process

	mu       sync.Mutex
	settings Settings
	updated  time.Time
	channels map[string]*channel
}

// New returns a host of a started backend. The backend stays the caller's to
// stop, after Close.
func New(process *pluginprocess.Process, settings Settings) *Host {
	h := &Host{backend: process, channels: make(map[string]*channel)}
	h.Save(settings)
	return h
}

// Save changes the data source's settings. The backend makes a new instance for
// its next request, since the time of the change is part of what it is told.
func (h *Host) Save(settings Settings) {
	if len(settings.JSONData) == 0 {
		settings.JSONData = json.RawMessage("{}")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings = settings
	// The backend sees milliseconds: two changes in the same one must differ too.
	h.updated = laterThan(h.updated, time.Now())
}

// laterThan returns now, or the millisecond after last when now is not past it.
func laterThan(last, now time.Time) time.Time {
	if next := last.Add(time.Millisecond); now.Before(next) {
		return next
	}
	return now
}

// Source is the context that every request to the backend carries.
func (h *Host) Source() backend.PluginContext {
	h.mu.Lock()
	defer h.mu.Unlock()
	return backend.PluginContext{
		Namespace: "default",
		PluginID:  PluginID,
		User:      &backend.User{Login: "ann", Name: "Ann", Email: "ann@example.com", Role: "Viewer"},
		DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{
			ID:                      1,
			UID:                     SourceUID,
			Type:                    PluginID,
			Name:                    "Tidemark",
			URL:                     h.settings.URL,
			JSONData:                h.settings.JSONData,
			DecryptedSecureJSONData: h.settings.SecureJSONData,
			Updated:                 h.updated,
		},
		GrafanaConfig: config.NewGrafanaCfg(map[string]string{}),
	}
}

// Close ends the channels that are followed.
func (h *Host) Close() {
	h.mu.Lock()
	open := make([]*channel, 0, len(h.channels))
	for _, c := range h.channels {
		open = append(open, c)
	}
	h.mu.Unlock()
	for _, c := range open {
		c.stop()
	}
}
