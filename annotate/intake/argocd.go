package intake

import (
	"cmp"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// argocdSender takes Applications as Argo CD's notifications send them by the template of
// docs/hooks/argocd.md (github.com/argoproj/notifications-engine pkg/services/webhook.go,
// github.com/argoproj/argo-cd pkg/apis/application/v1alpha1/types.go): each sync is a
// deploy.
func argocdSender() sender {
	return sender{name: "argocd", proofs: []proof{bearer()}, read: readArgoCD}
}

// argocdPayload is what the template makes. It is not told by which trigger, nor does it
// need to know: the Application says it all.
type argocdPayload struct {
	URL string            `json:"url"`
	App argocdApplication `json:"app"`
}

// argoMetadata is what is read of the metadata of Argo's objects.
type argoMetadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	UID         string            `json:"uid"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// about is what the metadata says of a change.
func (m argoMetadata) about(r annotate.Report) annotate.Report {
	r.Service = cmp.Or(m.Labels["service"], m.Name)
	r.Environment = cmp.Or(m.Labels["environment"], m.Labels["env"])
	for name, value := range m.Labels {
		if r.Labels[name] == "" {
			r.Labels[name] = value
		}
	}
	r.Labels = labelled(r.Labels)
	return r
}

type argocdSource struct {
	RepoURL        string `json:"repoURL"`
	TargetRevision string `json:"targetRevision"`
	Chart          string `json:"chart"`
}

type argocdApplication struct {
	Metadata argoMetadata `json:"metadata"`
	Spec     struct {
		Project     string         `json:"project"`
		Source      argocdSource   `json:"source"`
		Sources     []argocdSource `json:"sources"`
		Destination struct {
			Name      string `json:"name"`
			Server    string `json:"server"`
			Namespace string `json:"namespace"`
		} `json:"destination"`
	} `json:"spec"`
	Status struct {
		Operation *argocdOperation `json:"operationState"`
		Health    struct {
			Status     string        `json:"status"`
			Transition annotate.Time `json:"lastTransitionTime"`
		} `json:"health"`
		Summary struct {
			Images       []string `json:"images"`
			ExternalURLs []string `json:"externalURLs"`
		} `json:"summary"`
	} `json:"status"`
}

type argocdOperation struct {
	Phase      string        `json:"phase"`
	Message    string        `json:"message"`
	StartedAt  annotate.Time `json:"startedAt"`
	FinishedAt annotate.Time `json:"finishedAt"`
	Operation  struct {
		Sync *struct {
			Revision string `json:"revision"`
			DryRun   bool   `json:"dryRun"`
		} `json:"sync"`
		InitiatedBy struct {
			Username  string `json:"username"`
			Automated bool   `json:"automated"`
		} `json:"initiatedBy"`
	} `json:"operation"`
	Result struct {
		Revision  string         `json:"revision"`
		Revisions []string       `json:"revisions"`
		Source    argocdSource   `json:"source"`
		Sources   []argocdSource `json:"sources"`
	} `json:"syncResult"`
}

// argocdPhases are the phases of a sync. One that failed and is to be tried again is
// Running.
var argocdPhases = map[string]annotate.Status{
	"Running": annotate.Running, "Terminating": annotate.Running,
	"Succeeded": annotate.Succeeded, "Failed": annotate.Failed, "Error": annotate.Failed,
}

func readArgoCD(_ *Hook, d Delivery) (Told, error) {
	var p argocdPayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	told := Told{Event: "sync"}
	if p.App.Metadata.Name == "" {
		return told, invalid("app.metadata.name", nil, "is missing; the template must send app: {{ toJson .app }}")
	}
	o := p.App.Status.Operation
	switch {
	case o == nil:
		return nothing(told.Event, "the application was not synced yet"), nil
	case o.Operation.Sync == nil:
		return nothing(told.Event, "the operation is no sync"), nil
	case o.Operation.Sync.DryRun:
		return nothing(told.Event, "it is a dry run"), nil
	case o.StartedAt.IsZero():
		return told, invalid("app.status.operationState.startedAt", nil, "is missing")
	}
	told.Event = "sync " + o.Phase
	status, known := argocdPhases[o.Phase]
	if !known {
		return told, invalid("app.status.operationState.phase", o.Phase, "is none that is known: Running, Terminating, Succeeded, Failed or Error")
	}
	r := p.sync(o)
	r.Status, r.At = status, o.StartedAt
	switch {
	case !status.Ended() && !o.FinishedAt.IsZero():
		r.At = o.FinishedAt // of an attempt, after which there is another
	case status.Ended():
		if o.FinishedAt.IsZero() {
			return told, invalid("app.status.operationState.finishedAt", nil, "is missing")
		}
		r.At, r.End = o.FinishedAt, o.FinishedAt
	}
	told.Reports = []annotate.Report{r}
	if status == annotate.Succeeded {
		told.Reports = append(told.Reports, p.App.health(r)...)
	}
	return told, nil
}

// sync is what the payload says of the sync at any time of it.
func (p argocdPayload) sync(o *argocdOperation) annotate.Report {
	app := p.App
	source, revision := o.source(app)
	r := annotate.Report{
		// The revision is known only later, and an application has one sync at a time.
		ExternalID: externalID(cmp.Or(app.Metadata.UID, app.Metadata.Namespace+"/"+app.Metadata.Name), o.StartedAt.UTC().Format(time.RFC3339)),
		Kind:       annotate.KindDeploy, Start: o.StartedAt,
		Version:  versionOf(source.TargetRevision, revision),
		Evidence: evidence(strings.TrimSuffix("sync "+o.Phase+": "+o.Message, ": ")),
		Labels: map[string]string{
			"application": app.Metadata.Name, "project": app.Spec.Project, "namespace": app.Spec.Destination.Namespace,
			"cluster": cmp.Or(app.Spec.Destination.Name, app.Spec.Destination.Server), "repository": source.RepoURL, "chart": source.Chart,
		},
	}
	if len(revision) == 40 {
		r.Commit = revision
	}
	switch by := o.Operation.InitiatedBy; {
	case by.Username != "":
		r.Who = &annotate.Who{Name: by.Username, Type: "person"}
	case by.Automated:
		r.Who = &annotate.Who{Name: "Argo CD", Type: "machine"}
	}
	r.Links = link("run", p.URL)
	for _, href := range app.Status.Summary.ExternalURLs {
		r.Links = append(r.Links, link("environment", href)...)
	}
	return app.Metadata.about(r)
}

// source is where the sync came from, and its revision: the first of several.
func (o *argocdOperation) source(app argocdApplication) (argocdSource, string) {
	revision := o.Result.Revision
	if revision == "" && len(o.Result.Revisions) > 0 {
		revision = o.Result.Revisions[0]
	}
	revision = cmp.Or(revision, o.Operation.Sync.Revision)
	all := append([]argocdSource{o.Result.Source}, o.Result.Sources...)
	all = append(append(all, app.Spec.Source), app.Spec.Sources...)
	for _, source := range all {
		if source.RepoURL != "" {
			return source, revision
		}
	}
	return argocdSource{}, revision
}

// argocdSettling is how long after a sync the health of what it brought is taken as its
// doing.
const argocdSettling = time.Hour

// health is what became of what the sync brought. Until the health changed after the sync
// had begun, health and images are those of before.
func (a argocdApplication) health(synced annotate.Report) []annotate.Report {
	h := a.Status.Health
	if h.Transition.Before(synced.Start.Time) || h.Transition.After(synced.End.Add(argocdSettling)) {
		return nil
	}
	r := synced
	if h.Transition.After(synced.End.Time) {
		r.End = h.Transition
	}
	r.Evidence = []annotate.Evidence{{Time: h.Transition, Text: "application " + h.Status}}
	r.At = annotate.At(r.End.Add(time.Millisecond)) // a sync that waits ends in the same second
	switch h.Status {
	case "Healthy":
		if images := a.Status.Summary.Images; len(images) == 1 {
			r.Version = cmp.Or(ImageTag(images[0]), r.Version)
		}
	case "Degraded":
		r.Status = annotate.Failed
	default:
		return nil
	}
	return []annotate.Report{r}
}
