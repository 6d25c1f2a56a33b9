package intake

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// flaggerSender takes the event webhook of Flagger (github.com/fluxcd/flagger
// pkg/controller/webhook.go, events.go and scheduler.go): the analysis of a canary is a
// deploy, from its start to its promotion or rollback.
func flaggerSender() sender {
	return sender{name: "flagger", proofs: []proof{bearer()}, read: readFlagger}
}

type flaggerPayload struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Phase     string `json:"phase"`
	// Checksum is of the spec that Flagger last took up.
	Checksum string            `json:"checksum"`
	Metadata map[string]string `json:"metadata"`
}

func readFlagger(_ *Hook, d Delivery) (Told, error) {
	var p flaggerPayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	told := Told{Event: p.Phase}
	message, timestamp := p.Metadata["eventMessage"], p.Metadata["timestamp"]
	switch {
	case p.Name == "" || p.Checksum == "":
		return told, invalid("checksum", nil, "is missing, or name is: this is no webhook of Flagger")
	case message == "":
		return told, invalid("metadata.eventMessage", nil, "is missing; set the webhook's type to event")
	}
	at, err := annotate.ParseTime(timestamp)
	if err != nil {
		return told, invalid("metadata.timestamp", timestamp, "must be when it was, in Unix milliseconds")
	}
	r := annotate.Report{
		ExternalID: externalID(p.Namespace, p.Name, p.Checksum), At: at, Kind: annotate.KindDeploy,
		Service: cmp.Or(p.Metadata["service"], p.Name), Environment: cmp.Or(p.Metadata["environment"], p.Metadata["env"]), Version: p.Metadata["version"],
		Labels: map[string]string{}, Evidence: evidence(p.Phase + ": " + message),
	}
	for name, value := range p.Metadata {
		if !slices.Contains(flaggerOwn, name) {
			r.Labels[name] = value
		}
	}
	r.Labels["namespace"] = p.Namespace
	labelled(r.Labels)
	why := ""
	if r.Status, why = flaggerStatus(p.Phase, message); why != "" {
		return nothing(told.Event, why), nil
	}
	if r.Status.Ended() {
		r.End = at
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

// flaggerOwn are the keys of metadata that are no labels.
var flaggerOwn = []string{"eventMessage", "eventType", "timestamp", "service", "environment", "env", "version", "token"}

// flaggerStatus is the status that an event tells of, or why it tells of none. The phase
// alone does not say: until the analysis starts, phase and checksum are those of the
// revision before.
func flaggerStatus(phase, message string) (status annotate.Status, why string) {
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(message, prefix) })
	}
	switch {
	case has("Promotion completed!"):
		// Up to Flagger 1.41, in the phase before: Finalising, or Progressing where the
		// analysis is skipped.
		return annotate.Succeeded, ""
	case has("Post-rollout "):
		return "", "hooks of this type run after the end, also where the phase is the one before"
	}
	switch phase {
	case "Progressing", "WaitingPromotion", "Promoting", "Finalising":
		switch {
		case has("New revision detected! Scaling up"):
			return "", "the analysis of the new revision has not started, and the checksum is that of the revision before"
		case has("New revision detected! Restarting"):
			return annotate.Cancelled, "" // of the revision that was under way
		case has("Rolling back ", "Promotion of "):
			return annotate.Failed, ""
		}
		return annotate.Running, ""
	case "Failed":
		if has("Canary failed!") {
			return annotate.Failed, ""
		}
	}
	return "", "no analysis is under way in this phase, and this message ends none"
}
