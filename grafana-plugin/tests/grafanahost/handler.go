package grafanahost

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// Handler serves the routes of Grafana's API that a data source's front end
// uses, the built plugin from dist, and the test page from page.
func (h *Host) Handler(dist, page string) http.Handler {
	mux := http.NewServeMux()
	source := "/api/datasources/uid/" + SourceUID
	mux.HandleFunc("POST /api/ds/query", h.query)
	mux.HandleFunc("PUT "+source, h.save)
	mux.HandleFunc("GET "+source+"/health", h.health)
	mux.HandleFunc(source+"/resources/{path...}", h.resource)
	mux.HandleFunc("GET /api/live/ds/"+SourceUID+"/{path...}", h.live)
	mux.Handle("/public/plugins/"+PluginID+"/", kept(http.StripPrefix("/public/plugins/"+PluginID, http.FileServer(http.Dir(dist)))))
	mux.Handle("/", kept(http.FileServer(http.Dir(page))))
	return mux
}

// kept lets the browser keep the files: they do not change while the host runs.
func kept(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		files.ServeHTTP(w, r)
	})
}

// save changes the data source's settings.
func (h *Host) save(w http.ResponseWriter, r *http.Request) {
	var settings Settings
	if err := json.NewDecoder(r.Body).Decode(&settings); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	h.Save(settings)
	reply(w, http.StatusOK, map[string]string{"message": "Datasource updated"})
}

// health answers "Save & test".
func (h *Host) health(w http.ResponseWriter, r *http.Request) {
	result, err := h.backend.CheckHealth(r.Context(), h.Source())
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	status := http.StatusOK
	if result.Status != backend.HealthStatusOk {
		status = http.StatusBadRequest
	}
	answer := map[string]any{"status": result.Status.String(), "message": result.Message}
	if len(result.JSONDetails) > 0 {
		answer["details"] = json.RawMessage(result.JSONDetails)
	}
	reply(w, status, answer)
}

// resource hands a request to the plugin's own routes.
func (h *Host) resource(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	path := r.PathValue("path")
	url := path
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	answer, err := h.backend.CallResource(r.Context(), &backend.CallResourceRequest{
		PluginContext: h.Source(),
		Path:          path,
		Method:        r.Method,
		URL:           url,
		Headers:       r.Header,
		Body:          body,
	})
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	for name, values := range answer.Headers {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

// reply writes a JSON answer.
func reply(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail answers with an error as Grafana words one.
func fail(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"message": err.Error()})
}
