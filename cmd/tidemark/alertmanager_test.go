//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// alertmanagerFile sends all alerts to a hook, as docs/hooks/alertmanager.md says, and
// soon, since the tests wait for it.
const alertmanagerFile = `
route:
  receiver: tidemark
  group_by: [alertname]
  group_wait: 50ms
  group_interval: 200ms
receivers:
  - name: tidemark
    webhook_configs:
      - url: %s/hooks/alertmanager
        send_resolved: true
        http_config:
          authorization:
            credentials_file: secret
`

// TestAlertmanager has a real Alertmanager send alerts that fire, end, and fire again.
func TestAlertmanager(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "secret"), hookSecret+"\n")
	s := serve(t, "--storage.path="+filepath.Join(dir, "tidemark"), "--config.file="+writeFile(t, filepath.Join(dir, "tidemark.yml"), `
hooks:
  alertmanager: {sender: alertmanager, secret_file: secret, environment: production, labels: {cluster: eu-1}}
`))
	addr := freeAddr(t)
	alertmanager := &tidemark{url: "http://" + addr, process: start(t, "prometheus-alertmanager",
		"--config.file="+writeFile(t, filepath.Join(dir, "alertmanager.yml"), fmt.Sprintf(alertmanagerFile, s.url)),
		"--storage.path="+filepath.Join(dir, "alertmanager"), "--web.listen-address="+addr, "--cluster.listen-address=")}
	require.Eventually(t, func() bool {
		resp, err := http.Get(alertmanager.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, patience, 50*time.Millisecond, "Alertmanager never became ready")

	// tell says that an alert fires since start, or that it did until end.
	tell := func(service string, start, end time.Time) {
		t.Helper()
		alert := map[string]any{
			"labels":       map[string]string{"alertname": "HighErrorRate", "severity": "critical", "service": service},
			"annotations":  map[string]string{"summary": "Too many errors", "description": "More than 5% of the requests fail", "runbook_url": "https://runbooks.example/errors"},
			"generatorURL": "http://prometheus.example/graph?g0.expr=errors",
			"startsAt":     start,
		}
		if !end.IsZero() {
			alert["endsAt"] = end
		}
		body, err := json.Marshal([]any{alert})
		require.NoError(t, err)
		code, answer := alertmanager.post("/api/v2/alerts", string(body))
		require.Equal(t, http.StatusOK, code, answer)
	}
	// newest waits until the newest incident of a service is as wanted, and returns all
	// that it has.
	newest := func(service string, status annotate.Status, start time.Time) (all []annotate.Change) {
		t.Helper()
		require.Eventually(t, func() bool {
			all = nil
			for _, c := range allChanges(t, s) {
				if c.Service == service {
					all = append(all, c)
				}
			}
			return len(all) > 0 && all[0].Status == status && all[0].Start.Equal(start)
		}, patience, 50*time.Millisecond, "there is no incident of %s that is %s", service, status)
		return all
	}

	began := time.Now().Add(-10 * time.Minute).Truncate(time.Millisecond).UTC()
	tell("checkout", began, time.Time{})
	c := newest("checkout", annotate.Running, began)[0]
	require.Equal(t, annotate.KindIncident, c.Kind)
	require.Equal(t, "Too many errors", c.Title)
	require.Equal(t, "More than 5% of the requests fail", c.Text)
	require.Equal(t, "production", c.Environment)
	require.Equal(t, map[string]string{"alertname": "HighErrorRate", "severity": "critical", "service": "checkout", "cluster": "eu-1"}, c.Labels)
	require.Equal(t, []annotate.Link{{Rel: "query", Href: "http://prometheus.example/graph?g0.expr=errors"}, {Rel: "runbook", Href: "https://runbooks.example/errors"}}, c.Links)
	require.Nil(t, c.End, "it goes on")

	tell("cart", began.Add(time.Minute), time.Time{}) // which is another of the same group
	newest("cart", annotate.Running, began.Add(time.Minute))
	ended := began.Add(5 * time.Minute)
	tell("checkout", began, ended)
	all := newest("checkout", annotate.Succeeded, began)
	require.Len(t, all, 1)
	require.Equal(t, c.ID, all[0].ID)
	require.Equal(t, ended, all[0].End.UTC())
	newest("cart", annotate.Running, began.Add(time.Minute))

	again := ended.Add(2 * time.Minute)
	tell("checkout", again, time.Time{})
	all = newest("checkout", annotate.Running, again)
	require.Len(t, all, 2, "an alert that fires again is another incident")
	require.Equal(t, ended, all[1].End.UTC())

	s.waitValue(`sum(tidemark_hook_deliveries_total{hook="alertmanager",outcome=~"kept|failed|unverified"}) or vector(0)`, "0")
}
