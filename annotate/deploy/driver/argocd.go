package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// ArgoCD syncs an application, by the API of argocd-server
// (https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/, and its
// /swagger-ui). A run is the operation that has the run's id among its infos.
type ArgoCD struct {
	Remote
	// URL is argocd-server's, and Token that of an account that may get and sync the
	// application.
	URL   string
	Token Secret
	// Application is its name; Namespace and Project are its own, where it is not
	// where Argo CD is.
	Application, Namespace, Project string
	// Revision is what it is synced to; empty for what the application says.
	Revision deploy.Template
	// Prune has what is in no manifest any more removed.
	Prune bool
	// SyncOnly says that a run ends with the sync; otherwise it also waits until the
	// application is healthy.
	SyncOnly bool
}

var _ Driver = (*ArgoCD)(nil)

// argoInfo is the name of the info that has the run's id.
const argoInfo = "tidemark"

// Name implements Driver.
func (*ArgoCD) Name() string { return "argocd" }

func (d *ArgoCD) open() (*session, error) {
	s, err := d.Remote.open(d.URL, d.Token, bearer)
	if err == nil {
		s.header.Set("Accept", "application/json")
	}
	return s, err
}

// at is the URL of the application, or of what is below it.
func (d *ArgoCD) at(below string) string {
	query := url.Values{}
	if d.Namespace != "" {
		query.Set("appNamespace", d.Namespace)
	}
	if d.Project != "" {
		query.Set("project", d.Project)
	}
	where := strings.TrimRight(d.URL, "/") + "/api/v1/applications/" + url.PathEscape(d.Application) + below
	if len(query) > 0 {
		where += "?" + query.Encode()
	}
	return where
}

// page is the application's page for people.
func (d *ArgoCD) page() string {
	namespace := ""
	if d.Namespace != "" {
		namespace = url.PathEscape(d.Namespace) + "/"
	}
	return strings.TrimRight(d.URL, "/") + "/applications/" + namespace + url.PathEscape(d.Application)
}

func (d *ArgoCD) ref(job Job) deploy.Ref { return deploy.Ref{ID: job.ID, URL: d.page()} }

// Begin implements Driver. Where the application is being synced already, Argo CD
// refuses.
func (d *ArgoCD) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	body, err := json.Marshal(map[string]any{
		"name": d.Application, "appNamespace": d.Namespace, "project": d.Project, "prune": d.Prune,
		"revision": d.Revision.Fill(job.Values(), nil),
		"infos":    []map[string]string{{"name": argoInfo, "value": job.ID}},
	})
	if err != nil {
		return deploy.Ref{}, fmt.Errorf("encoding the sync: %w", err)
	}
	if _, err := s.begin(ctx, call{method: "POST", url: d.at("/sync"), header: jsonType(), body: body}); err != nil {
		return deploy.Ref{}, err
	}
	return d.ref(job), nil
}

// argoApplication is what is read of an application.
type argoApplication struct {
	// Operation is what was asked for and has not begun.
	Operation *argoOperation `json:"operation"`
	Status    struct {
		State *struct {
			Operation argoOperation `json:"operation"`
			Phase     string        `json:"phase"`
			Message   string        `json:"message"`
			Result    struct {
				Revision  string `json:"revision"`
				Resources []struct {
					Kind, Namespace, Name, Status, Message, HookPhase string
				} `json:"resources"`
			} `json:"syncResult"`
		} `json:"operationState"`
		Health struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"health"`
	} `json:"status"`
}

type argoOperation struct {
	Info []struct{ Name, Value string } `json:"info"`
}

// of reports whether the operation is that of the run.
func (o *argoOperation) of(run string) bool {
	return o != nil && slices.ContainsFunc(o.Info, func(i struct{ Name, Value string }) bool { return i.Name == argoInfo && i.Value == run })
}

// Find implements Driver. The request writes the operation into the application before
// it is answered, so that one which is not there when the request is over was never
// begun, or another took its place.
func (d *ArgoCD) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	defer s.close()
	var app argoApplication
	if _, err := s.json(ctx, d.at(""), &app); err != nil {
		return deploy.Ref{}, false, err
	}
	switch state := app.Status.State; {
	case app.Operation.of(job.ID), state != nil && state.Operation.of(job.ID):
		return d.ref(job), true, nil
	case s.settle(job) != nil:
		return deploy.Ref{}, false, s.settle(job)
	}
	// An application keeps its last operation alone: ours may have been there before.
	return deploy.Ref{}, false, fmt.Errorf("%w: the application's last operation is another", ErrUncertain)
}

// Follow implements Driver.
func (d *ArgoCD) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, d.look)
}

func (d *ArgoCD) look(ctx context.Context, f *following) (deploy.Outcome, bool, error) {
	var app argoApplication
	if _, err := f.json(ctx, d.at(""), &app); err != nil {
		return deploy.Outcome{}, false, f.missing(ctx, err, strings.TrimRight(d.URL, "/")+"/api/v1/applications?name="+url.QueryEscape(d.Application))
	}
	state := app.Status.State
	switch {
	case app.Operation.of(f.job.ID):
		f.news("phase", "pending", "pending")
		return deploy.Outcome{}, false, nil
	case f.memory.Said["phase"] == "Succeeded":
		return d.healthy(f, app) // whatever was synced since
	case state == nil || !state.Operation.of(f.job.ID):
		return deploy.Outcome{}, false, fmt.Errorf("%w: another sync of the application took its place", errMissing)
	}
	for _, r := range state.Result.Resources {
		status := r.Status
		if r.HookPhase != "" {
			status = r.HookPhase
		}
		f.news(strings.Join([]string{r.Kind, r.Namespace, r.Name}, "/"), status+r.Message, "%s %s: %s %s", r.Kind, r.Name, status, r.Message)
	}
	f.news("phase", state.Phase, "%s at %s: %s", state.Phase, state.Result.Revision, state.Message)
	switch state.Phase {
	case "Succeeded":
		return d.healthy(f, app)
	case "Failed", "Error":
		if f.job.Cancel != nil || strings.Contains(state.Message, "terminated") {
			return deploy.Outcome{Status: annotate.Cancelled, Text: "the sync was terminated"}, true, nil
		}
		return deploy.Outcome{Status: annotate.Failed, Text: "the sync failed: " + shorten(state.Message, f.token)}, true, nil
	}
	return deploy.Outcome{}, false, nil
}

// healthy says how the application is after its sync.
func (d *ArgoCD) healthy(f *following, app argoApplication) (deploy.Outcome, bool, error) {
	if d.SyncOnly {
		return deploy.Outcome{Status: annotate.Succeeded, Text: "synced"}, true, nil
	}
	health := app.Status.Health
	f.news("health", health.Status+health.Message, "%s %s", health.Status, health.Message)
	switch health.Status {
	case "Healthy", "": // "" is an application without anything that has a health
		return deploy.Outcome{Status: annotate.Succeeded, Text: "synced, and healthy"}, true, nil
	case "Degraded":
		return deploy.Outcome{Status: annotate.Failed, Text: "synced, but degraded: " + shorten(health.Message, f.token)}, true, nil
	}
	return deploy.Outcome{}, false, nil
}

// Cancel implements Driver. A sync that has ended is not there to be terminated.
func (d *ArgoCD) Cancel(ctx context.Context, job Job) error {
	s, err := d.open()
	if err != nil {
		return err
	}
	defer s.close()
	var app argoApplication
	if _, err := s.json(ctx, d.at(""), &app); err != nil {
		return err
	}
	if state := app.Status.State; !app.Operation.of(job.ID) && (state == nil || !state.Operation.of(job.ID) || state.Phase != "Running") {
		return nil // it would be another's
	}
	a, err := s.do(ctx, call{method: "DELETE", url: d.at("/operation")})
	if err != nil {
		return err
	}
	if a.status/100 != 2 {
		return s.refusal(a)
	}
	return nil
}
