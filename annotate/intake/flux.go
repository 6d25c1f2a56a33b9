package intake

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// fluxSender takes the events of Flux's notification-controller, of its providers generic
// and generic-hmac (github.com/fluxcd/notification-controller internal/notifier/forwarder.go,
// github.com/fluxcd/pkg apis/event/v1beta1): what Kustomizations and HelmReleases brought
// into the cluster.
func fluxSender() sender {
	return sender{name: "flux", proofs: []proof{signed("X-Signature", ""), bearer()}, read: readFlux}
}

// fluxEvent is an event. Its metadata is that of the controller, of the object's
// annotations and of the Alert.
type fluxEvent struct {
	InvolvedObject struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		UID       string `json:"uid"`
	} `json:"involvedObject"`
	Severity  string            `json:"severity"`
	Timestamp annotate.Time     `json:"timestamp"`
	Message   string            `json:"message"`
	Reason    string            `json:"reason"`
	Metadata  map[string]string `json:"metadata"`
}

func readFlux(_ *Hook, d Delivery) (Told, error) {
	var e fluxEvent
	if err := read(d.Body, &e); err != nil {
		return Told{}, err
	}
	o := e.InvolvedObject
	told := Told{Event: strings.TrimSpace(o.Kind + " " + e.Reason)}
	switch {
	case o.Kind == "" || o.Name == "":
		return told, invalid("involvedObject", nil, "is missing: this is no event of Flux")
	case o.Kind != "Kustomization" && o.Kind != "HelmRelease":
		return nothing(told.Event, "it is not about a change in the cluster; events of Kustomization and HelmRelease are"), nil
	case e.Timestamp.IsZero():
		return told, invalid("timestamp", nil, "is missing")
	}
	e.plainMetadata()
	if o.Kind == "HelmRelease" {
		return e.helmRelease(told)
	}
	return e.kustomization(told)
}

// plainMetadata takes the API group from the keys, which older controllers leave there.
func (e *fluxEvent) plainMetadata() {
	plain := make(map[string]string, len(e.Metadata))
	for key, value := range e.Metadata {
		name := key[strings.LastIndexByte(key, '/')+1:]
		if _, there := plain[name]; !there || !strings.Contains(key, "/") {
			plain[name] = value
		}
	}
	e.Metadata = plain
}

// object is the identity of what the event is about, also after it was made anew.
func (e *fluxEvent) object() string {
	return cmp.Or(e.InvolvedObject.UID, e.InvolvedObject.Namespace+"/"+e.InvolvedObject.Name)
}

// about is what every event says.
func (e *fluxEvent) about(r annotate.Report) annotate.Report {
	r.At, r.Kind = e.Timestamp, cmp.Or(r.Kind, annotate.KindDeploy)
	r.Service = cmp.Or(e.Metadata["service"], e.InvolvedObject.Name)
	r.Environment = cmp.Or(e.Metadata["environment"], e.Metadata["env"])
	r.Version = cmp.Or(e.Metadata["version"], ImageTag(e.Metadata["image"]), r.Version)
	r.Evidence = evidence(e.Reason + ": " + strings.Join(strings.Fields(e.Message), " "))
	r.Labels = map[string]string{"object": e.InvolvedObject.Kind + "/" + e.InvolvedObject.Name, "namespace": e.InvolvedObject.Namespace}
	for name, value := range e.Metadata {
		if !slices.Contains(fluxOwn, name) && r.Labels[name] == "" {
			r.Labels[name] = value
		}
	}
	r.Labels = labelled(r.Labels)
	return r
}

// fluxOwn are the keys of metadata that are no labels: they are told otherwise, or are for
// other receivers of the event.
var fluxOwn = []string{"service", "environment", "env", "version", "revision", "commit", "commit_status", "change_request", "checksum", "digest", "oci-digest", "token", "originRevision"}

// fluxFailures are the reasons for which a Kustomization did not get where its revision
// says (github.com/fluxcd/pkg apis/meta/conditions.go), or is not well there.
var fluxFailures = []string{"BuildFailed", "ValidationFailed", "ReconciliationFailed", "PruneFailed", "HealthCheckFailed"}

// kustomization is what github.com/fluxcd/kustomize-controller says
// (internal/controller/kustomization_controller.go). While it is at work, the reason is
// Progressing: with a list of what it changed, and then that the health check passed.
// ReconciliationSucceeded comes at each interval, whether or not anything changed; so what
// was applied counts as there, until a check says that it is not well.
func (e *fluxEvent) kustomization(told Told) (Told, error) {
	revision := e.Metadata["revision"]
	ref, commit := fluxRevision(revision)
	r := annotate.Report{Version: versionOf(ref, commit)}
	switch {
	case e.Reason == "Progressing" && strings.HasPrefix(e.Message, "Health check passed"):
		r.Status, r.End = annotate.Succeeded, e.Timestamp
	case e.Reason == "Progressing":
		// No end: what drifts is applied again, which must not make the deploy longer.
		r.Status, r.Text = annotate.Succeeded, e.Message
	case slices.Contains(fluxFailures, e.Reason):
		r.Status, r.End = annotate.Failed, e.Timestamp
	case e.Reason == "ReconciliationSucceeded":
		return nothing(told.Event, "it says so of each reconciliation, also of those that change nothing; what is changed is told by the reason Progressing"), nil
	default:
		return nothing(told.Event, "nothing was changed in the cluster for this reason"), nil
	}
	if revision == "" {
		return told, invalid("metadata.revision", nil, "is missing")
	}
	r.Commit = e.Metadata["commit"]
	if from := cmp.Or(e.Metadata["originRevision"], revision); r.Commit == "" && !strings.Contains(from, "sha256:") {
		_, r.Commit = fluxRevision(from) // the digest of an artifact is no commit
	}
	r.ExternalID = externalID("kustomization", e.object(), revision)
	r = e.about(r)
	if ref != "" {
		r.Labels["ref"] = ref
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

// fluxRevision parts a revision, such as main@sha1:f95f852… or latest@sha256:…, and
// main/f95f852… of older controllers.
func fluxRevision(revision string) (ref, digest string) {
	if at := strings.LastIndexAny(revision, "@/"); at >= 0 {
		ref, revision = revision[:at], revision[at+1:]
	}
	_, digest, found := strings.Cut(revision, ":")
	if !found {
		digest = revision
	}
	return strings.TrimPrefix(ref, "refs/heads/"), digest
}

// fluxAction is what Helm did.
type fluxAction struct {
	name, kind string
	status     annotate.Status
}

// fluxActions are the reasons of HelmReleases for which something was changed, or should
// have been (github.com/fluxcd/helm-controller api/v2/condition_types.go,
// internal/reconcile/correct_cluster_drift.go). A test is of what was installed.
var fluxActions = map[string]fluxAction{
	"InstallSucceeded":      {"install", annotate.KindDeploy, annotate.Succeeded},
	"InstallFailed":         {"install", annotate.KindDeploy, annotate.Failed},
	"UpgradeSucceeded":      {"upgrade", annotate.KindDeploy, annotate.Succeeded},
	"UpgradeFailed":         {"upgrade", annotate.KindDeploy, annotate.Failed},
	"TestSucceeded":         {"", annotate.KindDeploy, annotate.Succeeded},
	"TestFailed":            {"", annotate.KindDeploy, annotate.Failed},
	"RollbackSucceeded":     {"rollback", annotate.KindDeploy, annotate.Succeeded},
	"RollbackFailed":        {"rollback", annotate.KindDeploy, annotate.Failed},
	"UninstallSucceeded":    {"uninstall", "uninstall", annotate.Succeeded},
	"UninstallFailed":       {"uninstall", "uninstall", annotate.Failed},
	"DriftCorrected":        {"correct drift", annotate.KindConfig, annotate.Succeeded},
	"DriftCorrectionFailed": {"correct drift", annotate.KindConfig, annotate.Failed},
}

// fluxRelease finds the release, such as web/web.v12, that Helm made or tested. What
// failed, or is undone, names none that later events would be of.
var fluxRelease = regexp.MustCompile(`^Helm (install|upgrade|test) \w+ for release (\S+\.v[0-9]+) with chart`)

// helmRelease is what github.com/fluxcd/helm-controller says (internal/reconcile), always
// when Helm is done.
func (e *fluxEvent) helmRelease(told Told) (Told, error) {
	action, known := fluxActions[e.Reason]
	if !known {
		return nothing(told.Event, "Helm did nothing in the cluster for this reason"), nil
	}
	r := annotate.Report{Kind: action.kind, Status: action.status, End: e.Timestamp, Version: e.Metadata["revision"]}
	if release := fluxRelease.FindStringSubmatch(e.Message); release != nil {
		r.ExternalID = externalID("helmrelease", e.object(), release[2])
	} else {
		r.ExternalID = externalID("helmrelease", e.object(), e.Reason, e.Timestamp.UTC().Format(time.RFC3339))
		r.Title, r.Text = heading(e.Message)
	}
	r = e.about(r)
	if action.name != "" {
		r.Labels["action"] = action.name
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

// ImageTag is the tag of a container's image; empty where it has none but its digest.
func ImageTag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	name := image[strings.LastIndexByte(image, '/')+1:]
	_, tag, _ := strings.Cut(name, ":")
	return tag
}
