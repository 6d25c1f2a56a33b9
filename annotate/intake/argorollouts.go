package intake

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// argorolloutsSender takes Rollouts as Argo Rollouts' notifications send them by the
// templates of docs/hooks/argorollouts.md (github.com/argoproj/argo-rollouts
// utils/record/record.go, pkg/apis/rollouts/v1alpha1/types.go): each revision of a
// Rollout is a deploy.
func argorolloutsSender() sender {
	return sender{name: "argorollouts", proofs: []proof{bearer()}, read: readArgoRollouts}
}

// argorolloutsPayload is what a template makes. A template is not told by which trigger it
// is sent, so each trigger has its own.
type argorolloutsPayload struct {
	Trigger string        `json:"trigger"`
	Time    annotate.Time `json:"time"`
	Rollout struct {
		Metadata argoMetadata `json:"metadata"`
		Spec     struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Name  string `json:"name"`
						Image string `json:"image"`
					} `json:"containers"`
				} `json:"spec"`
			} `json:"template"`
			Strategy struct {
				Canary    *struct{} `json:"canary"`
				BlueGreen *struct{} `json:"blueGreen"`
			} `json:"strategy"`
			// Metrics an AnalysisRun has, and Templates an Experiment; no Rollout has either.
			Metrics   []struct{} `json:"metrics"`
			Templates []struct{} `json:"templates"`
		} `json:"spec"`
		// Status is that before what the trigger tells of.
		Status struct {
			Abort          bool   `json:"abort"`
			CurrentPodHash string `json:"currentPodHash"`
			StableRS       string `json:"stableRS"`
		} `json:"status"`
	} `json:"rollout"`
}

// argorolloutsTriggers are those that tell how a revision goes: the reasons of its events
// in lower case (utils/conditions/conditions.go, rollout/analysis.go). An analysis that
// failed does not end it: that it is aborted is told then. That it was resumed is not one
// of them, since a full promotion is told so after it completed, with the status of before.
var argorolloutsTriggers = map[string]annotate.Status{
	"on-rollout-updated": annotate.Running, "on-rollout-step-completed": annotate.Running,
	"on-rollout-paused":       annotate.Running,
	"on-analysis-run-running": annotate.Running, "on-analysis-run-successful": annotate.Running,
	"on-analysis-run-failed": annotate.Running, "on-analysis-run-error": annotate.Running, "on-analysis-run-inconclusive": annotate.Running,
	// It goes back to what is stable, and is not told to be completed then.
	"on-skip-steps":        annotate.Succeeded,
	"on-rollout-completed": annotate.Succeeded, "on-rollout-aborted": annotate.Failed,
}

// argorolloutsRevision is the annotation that counts what a Rollout was updated to, also
// where it went back to what it had been.
const argorolloutsRevision = "rollout.argoproj.io/revision"

func readArgoRollouts(_ *Hook, d Delivery) (Told, error) {
	var p argorolloutsPayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	told := Told{Event: p.Trigger}
	status, known := argorolloutsTriggers[p.Trigger]
	revision, err := strconv.Atoi(p.Rollout.Metadata.Annotations[argorolloutsRevision])
	switch {
	case p.Trigger == "":
		return told, invalid("trigger", nil, "is missing; the template must send the name of its trigger")
	case !known:
		return nothing(told.Event, "this trigger does not tell how a revision goes"), nil
	case len(p.Rollout.Spec.Metrics) > 0 || len(p.Rollout.Spec.Templates) > 0:
		// Both have the Rollout's revision, and are sent by its triggers, as rollout.
		return nothing(told.Event, "it is an AnalysisRun or an Experiment; its Rollout tells the same"), nil
	case p.settled() && (p.Trigger == "on-skip-steps" || status == annotate.Running && p.Trigger != "on-rollout-updated"):
		// Steps are skipped, too, where only they were edited, long after it completed.
		return nothing(told.Event, "no update is under way"), nil
	case p.Time.IsZero():
		return told, invalid("time", nil, "is missing; the template must send time: {{ toJson now }}")
	case p.Rollout.Metadata.Name == "" || err != nil:
		return told, invalid("rollout.metadata", nil, "has no name or no annotation "+argorolloutsRevision+"; the template must send rollout: {{ toJson .rollout }}")
	}
	r := p.revision(revision)
	r.Status = status
	switch {
	case p.Trigger == "on-rollout-updated":
		r.Start = p.Time
	case status.Ended():
		r.End = p.Time
	}
	told.Reports = []annotate.Report{r}
	if before, ok := p.superseded(revision); ok {
		told.Reports = append(told.Reports, before)
	}
	return told, nil
}

// revision is what every trigger says of the revision that is under way.
func (p argorolloutsPayload) revision(n int) annotate.Report {
	rollout := p.Rollout
	r := annotate.Report{
		ExternalID: p.id(n), At: p.Time, Kind: annotate.KindDeploy, Version: p.version(),
		Evidence: evidence(strings.TrimPrefix(p.Trigger, "on-")),
		Labels:   map[string]string{"namespace": rollout.Metadata.Namespace, "revision": strconv.Itoa(n)},
	}
	switch {
	case rollout.Spec.Strategy.Canary != nil:
		r.Labels["strategy"] = "canary"
	case rollout.Spec.Strategy.BlueGreen != nil:
		r.Labels["strategy"] = "blueGreen"
	}
	return rollout.Metadata.about(r)
}

func (p argorolloutsPayload) id(n int) string {
	m := p.Rollout.Metadata
	return externalID(cmp.Or(m.UID, m.Namespace+"/"+m.Name), strconv.Itoa(n))
}

// version is the tag of the image of the container that is called as the Rollout, or of
// the first.
func (p argorolloutsPayload) version() string {
	containers := p.Rollout.Spec.Template.Spec.Containers
	for _, c := range containers {
		if c.Name == p.Rollout.Metadata.Name {
			return ImageTag(c.Image)
		}
	}
	if len(containers) == 0 {
		return ""
	}
	return ImageTag(containers[0].Image)
}

// superseded is what an update says of the revision before it, where that was under way:
// nothing else tells that it ended. The status is still of that one.
func (p argorolloutsPayload) superseded(n int) (annotate.Report, bool) {
	s := p.Rollout.Status
	if p.Trigger != "on-rollout-updated" || n < 2 || s.Abort || s.CurrentPodHash == "" || p.settled() {
		return annotate.Report{}, false
	}
	before := p.revision(n - 1)
	before.Status, before.End, before.Version = annotate.Cancelled, p.Time, ""
	before.Evidence = evidence("superseded by revision " + strconv.Itoa(n))
	return before, true
}

// settled reports whether what the status is of has become stable.
func (p argorolloutsPayload) settled() bool {
	s := p.Rollout.Status
	return s.CurrentPodHash != "" && s.CurrentPodHash == s.StableRS
}
