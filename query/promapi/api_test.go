package promapi_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	webapi "github.com/prometheus/prometheus/web/api/v1"
	"github.com/stretchr/testify/require"

	scraping "github.com/tidemark/tidemark/ingest/scrape"
	"github.com/tidemark/tidemark/ingest/store"
	"github.com/tidemark/tidemark/query/promapi"
)

// serve returns the API over a real store that holds one sample of the metric m.
func serve(t *testing.T) http.Handler {
	t.Helper()
	logger, registry := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	cfg, err := config.Load("", logger)
	require.NoError(t, err)
	dir := t.TempDir()
	db, err := store.Open(store.Options{Dir: dir, Config: cfg, Logger: logger, Registerer: registry})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	app := db.AppenderV2(t.Context())
	_, err = app.Append(0, labels.FromStrings(model.MetricNameLabel, "m", "job", "j"), 0, time.Now().UnixMilli(), 1, nil, nil, storage.AOptions{})
	require.NoError(t, err)
	require.NoError(t, app.Commit())

	scraper, err := scraping.New(scraping.Options{Appendable: db, Logger: logger, Registerer: registry})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, scraper.Stop()) })
	engine, err := promapi.NewEngine(promapi.EngineOptions{
		Timeout: time.Minute, MaxSamples: 1e6, MaxConcurrency: 2, Dir: dir, Logger: logger, Registerer: registry,
		SubqueryStep: func(int64) int64 { return 60_000 },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	return promapi.New(promapi.Options{
		Engine: engine, Queryable: db, Appendable: db, Exemplars: db, Targets: scraper, Store: db, StoreDir: dir,
		Metadata:    []scrape.MetricMetadata{{MetricFamily: "tidemark_change", Type: model.MetricTypeGauge, Help: "A change."}},
		Config:      func() config.Config { return *cfg },
		ExternalURL: &url.URL{Scheme: "http", Host: "localhost:9797"},
		Runtime:     func() (webapi.RuntimeInfo, error) { return webapi.RuntimeInfo{Hostname: "h"}, nil },
		Logger:      logger, Registerer: registry, Gatherer: registry,
	})
}

func TestAPI(t *testing.T) {
	api := serve(t)
	tests := map[string]struct {
		path string
		want string
	}{
		"instant query":        {"/query?query=m", `"__name__":"m"`},
		"series":               {"/series?match[]=m", `[{"__name__":"m","job":"j"}]`},
		"labels":               {"/labels", `["__name__","job"]`},
		"label values":         {"/label/job/values", `["j"]`},
		"format query":         {"/format_query?query=sum(m)by(job)", `sum by (job) (m)`},
		"no rules":             {"/rules", `"groups":[]`},
		"no alerts":            {"/alerts", `"alerts":[]`},
		"no Alertmanagers":     {"/alertmanagers", `"activeAlertmanagers":[]`},
		"runtime":              {"/status/runtimeinfo", `"hostname":"h"`},
		"TSDB":                 {"/status/tsdb", `"numSeries":1`},
		"metadata":             {"/metadata", `"tidemark_change":[{"type":"gauge","unit":"","help":"A change."}]`},
		"metadata of one":      {"/metadata?metric=tidemark_change", `"help":"A change."`},
		"targets' metadata":    {"/targets/metadata?metric=tidemark_change", `"type":"gauge"`},
		"and no such target":   {"/targets", `"activeTargets":[]`},
		"admin is off":         {"/admin/tsdb/clean_tombstones", ``},
		"features, truthfully": {"/features", `"admin":false`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			method := http.MethodGet
			if strings.HasPrefix(tc.path, "/admin") {
				method = http.MethodPost
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, httptest.NewRequest(method, tc.path, nil))
			if method == http.MethodPost {
				require.Contains(t, w.Body.String(), "admin APIs disabled")
				return
			}
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			require.True(t, json.Valid(w.Body.Bytes()))
			require.Contains(t, w.Body.String(), tc.want)
		})
	}
}

func TestForeignPagesMayNotRead(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/query?query=m", nil)
	r.Header.Set("Origin", "https://elsewhere.example")
	w := httptest.NewRecorder()
	serve(t).ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
}
