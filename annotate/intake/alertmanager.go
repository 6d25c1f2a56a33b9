package intake

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// alertmanagerSender takes the webhook_config of Prometheus's Alertmanager (payload
// version 4, github.com/prometheus/alertmanager notify/webhook/webhook.go and
// template/template.go): each alert of a group is an incident.
func alertmanagerSender() sender {
	return sender{name: "alertmanager", proofs: []proof{bearer()}, read: readAlertmanager}
}

// alertmanagerPayload is a group of alerts. Its common labels are in each alert, too.
type alertmanagerPayload struct {
	Status          string              `json:"status"`
	Receiver        string              `json:"receiver"`
	Alerts          []alertmanagerAlert `json:"alerts"`
	TruncatedAlerts uint64              `json:"truncatedAlerts"`
}

// alertmanagerAlert has its times as texts: the end of an alert that goes on is the year 1.
type alertmanagerAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

func readAlertmanager(_ *Hook, d Delivery) (Told, error) {
	var p alertmanagerPayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	told := Told{Event: p.Status}
	if len(p.Alerts) == 0 {
		return told, invalid("alerts", nil, "is missing; leave payload out of the webhook_config")
	}
	heartbeats := 0
	for i, alert := range p.Alerts {
		if alert.Labels["severity"] == "none" {
			heartbeats++
			continue
		}
		r, err := alert.incident("alerts." + strconv.Itoa(i) + ".")
		if err != nil {
			told.Failures = append(told.Failures, err)
			continue
		}
		told.Reports = append(told.Reports, r)
	}
	if p.TruncatedAlerts > 0 {
		told.Failures = append(told.Failures, invalid("truncatedAlerts", p.TruncatedAlerts, "alerts were left out: leave max_alerts out of the webhook_config"))
	}
	if heartbeats == len(p.Alerts) {
		told.Nothing = "an alert of severity none, such as Watchdog, tells that alerting works, and of no incident"
	}
	return told, nil
}

// incident is what an alert says: at is where it is in the payload.
func (a alertmanagerAlert) incident(at string) (annotate.Report, error) {
	if a.Fingerprint == "" {
		return annotate.Report{}, invalid(at+"fingerprint", nil, "is missing")
	}
	start, err := annotate.ParseTime(a.StartsAt)
	if err != nil {
		return annotate.Report{}, invalid(at+"startsAt", a.StartsAt, "must be when the alert began, in RFC 3339")
	}
	r := annotate.Report{
		// An alert that fires again is another incident, and has another start.
		ExternalID: externalID(a.Fingerprint, start.UTC().Format(time.RFC3339Nano)),
		Kind:       annotate.KindIncident, Start: start,
		// Not the label job: it says who exports a metric, as kube-state-metrics does for all.
		Service:     cmp.Or(a.Labels["service"], a.Labels["service_name"], a.Labels["app"]),
		Environment: cmp.Or(a.Labels["environment"], a.Labels["env"], a.Labels["deployment_environment_name"], a.Labels["deployment_environment"]),
		Version:     a.Labels["version"], Text: cmp.Or(a.Annotations["description"], a.Annotations["message"]),
		Labels: labelled(a.Labels),
	}
	switch a.Status {
	case "firing":
		r.Status, r.At = annotate.Running, start
	case "resolved":
		if r.End, err = annotate.ParseTime(a.EndsAt); err != nil {
			return annotate.Report{}, invalid(at+"endsAt", a.EndsAt, "must be when the alert ended, in RFC 3339")
		}
		r.Status, r.At = annotate.Succeeded, r.End
	default:
		return annotate.Report{}, invalid(at+"status", a.Status, "is none that is known: firing or resolved")
	}
	r.Title, _ = heading(cmp.Or(a.Annotations["summary"], a.Labels["alertname"]))
	r.Evidence = evidence(strings.TrimSuffix("alert "+a.Status+": "+r.Title, ": "))
	r.Links = append(r.Links, link("query", a.GeneratorURL)...)
	r.Links = append(r.Links, link("runbook", a.Annotations["runbook_url"])...)
	r.Links = append(r.Links, link("dashboard", cmp.Or(a.Annotations["dashboard_url"], a.Annotations["dashboard"]))...)
	return r, nil
}
