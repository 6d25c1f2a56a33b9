package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

// ArgoCD has Argo CD sync an application. It follows the API that each server
// documents at /swagger-ui, of version 2.5 and later: sync, get and terminate the
// operation of an application.
//
// It sets no Helm parameters and no images: these are part of the application's spec,
// so that it would take two requests to begin a deploy, of which the first may begin
// one by itself where the application syncs automatically. Begin could not tell then
// what became of them.
type ArgoCD struct {
	Remote
	// URL is where Argo CD is.
	URL string
	// Application is its name; Namespace is needed for one outside of Argo CD's own.
	Application, Namespace string
	// Project is the application's; where it is given, an application of another one
	// is refused.
	Project string
	// Revision is what to sync to; what the application says where it is empty. Argo
	// CD refuses another one where the application syncs automatically.
	Revision deploy.Template
	// Prune deletes what is not in the revision any more.
	Prune bool
	// SyncOnly says that a run ends with the sync. Otherwise it goes on until the
	// application is healthy, or degraded.
	SyncOnly bool
	// Token may get and sync the application.
	Token secret.Secret
}

const (
	// argoInfo is what the run's id is called among what is known of an operation.
	argoInfo = "tidemark"
	// argoAnswer is how long an application may be: what its API server takes over
	// gRPC by default, and more than Kubernetes keeps of one object.
	argoAnswer = 4 << 20
)

var _ Driver = (*ArgoCD)(nil)

// Name implements Driver.
func (a *ArgoCD) Name() string { return "argocd" }

func (a *ArgoCD) open() (*session, error) { return a.Remote.open(a.URL, a.Token, bearer) }

func (a *ArgoCD) root() string { return strings.TrimRight(a.URL, "/") }

func (a *ArgoCD) application() string {
	return a.root() + "/api/v1/applications/" + url.PathEscape(a.Application)
}

// query says which application of that name is meant, where it goes into a URL.
func (a *ArgoCD) query() string {
	query := url.Values{}
	if a.Namespace != "" {
		query.Set("appNamespace", a.Namespace)
	}
	if a.Project != "" {
		query.Set("project", a.Project)
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

func (a *ArgoCD) ref(job Job) deploy.Ref {
	page := a.root() + "/applications/"
	if a.Namespace != "" {
		page += url.PathEscape(a.Namespace) + "/"
	}
	return deploy.Ref{ID: job.ID, URL: page + url.PathEscape(a.Application)}
}

type argoOperation struct {
	Info []argoPair `json:"info"`
}

type argoPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// is reports whether it is the job's.
func (o *argoOperation) is(job Job) bool {
	return o != nil && slices.Contains(o.Info, argoPair{argoInfo, job.ID})
}

type argoState struct {
	Operation *argoOperation `json:"operation"`
	Phase     string         `json:"phase"`
	Message   string         `json:"message"`
	Started   time.Time      `json:"startedAt"`
	Finished  time.Time      `json:"finishedAt"`
	Result    *struct {
		Revision  string `json:"revision"`
		Resources []struct {
			Group     string `json:"group"`
			Kind      string `json:"kind"`
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
			Status    string `json:"status"`
			HookPhase string `json:"hookPhase"`
			SyncPhase string `json:"syncPhase"`
			Message   string `json:"message"`
		} `json:"resources"`
	} `json:"syncResult"`
}

// is reports whether it is the state of the job's operation.
func (s *argoState) is(job Job) bool { return s != nil && s.Operation.is(job) }

// over reports whether the operation has ended.
func (s *argoState) over() bool {
	return s.Phase == "Succeeded" || s.Phase == "Failed" || s.Phase == "Error"
}

// argoApplication is an application. Its operation is there while it goes on, and its
// state from when the controller took it up until the next one.
type argoApplication struct {
	Operation *argoOperation `json:"operation"`
	Status    struct {
		State *argoState `json:"operationState"`
		// Reconciled is when the controller looked at it last.
		Reconciled time.Time `json:"reconciledAt"`
		Health     struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"health"`
	} `json:"status"`
}

func (a *ArgoCD) get(ctx context.Context, s *session) (app argoApplication, err error) {
	_, err = s.jsonUpTo(ctx, a.application()+a.query(), argoAnswer, &app)
	return app, err
}

// Begin implements Driver. Argo CD refuses it while another operation goes on.
func (a *ArgoCD) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := a.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	sync := map[string]any{
		"name": a.Application, "prune": a.Prune,
		"infos": []argoPair{{argoInfo, job.ID}, {"version", job.Version}},
	}
	for name, value := range map[string]string{
		"revision": a.Revision.Fill(job.Values(), nil), "appNamespace": a.Namespace, "project": a.Project,
	} {
		if value != "" {
			sync[name] = value
		}
	}
	body, err := json.Marshal(sync)
	if err != nil {
		return deploy.Ref{}, err
	}
	_, err = s.begin(ctx, call{
		method: http.MethodPost, url: a.application() + "/sync", body: body, header: jsonHeader(), most: argoAnswer, cut: true,
	})
	if err != nil {
		return deploy.Ref{}, err
	}
	return a.ref(job), nil
}

// Find implements Driver. The application says which operation is its last: where
// that began before the run, the run's was none. One that began since then may have
// followed the run's, and have had it forgotten.
func (a *ArgoCD) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := a.open()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	defer s.close()
	app, err := a.get(ctx, s)
	if err != nil {
		return deploy.Ref{}, false, err
	}
	state := app.Status.State
	if app.Operation.is(job) || state.is(job) {
		return a.ref(job), true, nil
	}
	if err := s.settle(job); err != nil {
		return deploy.Ref{}, false, err
	}
	if app.Operation != nil || state != nil && state.Started.After(since(job)) {
		return deploy.Ref{}, false, fmt.Errorf("%w: another operation of %s began since then", ErrUncertain, a.Application)
	}
	return deploy.Ref{}, false, nil
}

// Follow implements Driver.
func (a *ArgoCD) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	s, err := a.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, a.look)
}

// look asks for the application. Argo CD says 403 for one that the token may not see,
// so that 404 means what it says.
func (a *ArgoCD) look(ctx context.Context, f *following) (none deploy.Outcome, over bool, err error) {
	app, err := a.get(ctx, f.session)
	if err != nil {
		return none, false, gone(err)
	}
	f.link(a.ref(f.job).URL)
	if f.memory.Said[argoSynced] != "" { // whatever was synced since
		return f.health(app)
	}
	state := app.Status.State
	if !state.is(f.job) {
		if app.Operation.is(f.job) {
			f.news("phase", "Waiting", "The application's controller has not taken it up yet")
			return none, false, nil
		}
		return none, false, fmt.Errorf("%w: %s knows only of another operation by now", errMissing, a.Application)
	}
	f.resources(state)
	message := shorten(state.Message, f.token)
	f.news("phase", state.Phase+" "+message, "%s", phrase(state.Phase, message))
	switch {
	case !state.over():
		return none, false, nil
	case state.Phase == "Succeeded" && !a.SyncOnly:
		// Its health may still be that of before: the next look tells.
		f.memory.is(argoSynced, state.Finished.UTC().Format(time.RFC3339))
		return none, false, nil
	}
	return argoOutcome(state.Phase, message), true, nil
}

// resources writes what is new of the resources.
func (f *following) resources(state *argoState) {
	if state.Result == nil {
		return
	}
	if state.Result.Revision != "" {
		f.news("revision", state.Result.Revision, "Revision %s", state.Result.Revision)
	}
	for _, r := range state.Result.Resources {
		name := strings.Trim(r.Namespace+"/"+r.Name, "/")
		result := strings.Join(strings.Fields(strings.Join([]string{r.SyncPhase, r.Status, r.HookPhase}, " ")), " ")
		message := shorten(r.Message, f.token)
		part := "resource " + r.SyncPhase + " " + r.Group + "/" + r.Kind + " " + name
		f.news(part, result+" "+message, "%s", phrase(r.Kind+" "+name, result, message))
	}
}

// argoOutcome is how an operation ended. One that was terminated has failed, for Argo
// CD, and only its message tells.
func argoOutcome(phase, message string) deploy.Outcome {
	outcome := deploy.Outcome{Status: annotate.Failed, Text: phrase("the sync ended as "+strings.ToLower(phase), message)}
	low := strings.ToLower(message)
	switch {
	case phase == "Succeeded":
		outcome.Status = annotate.Succeeded
	case strings.HasPrefix(low, "operation terminated"), strings.HasPrefix(low, "operation forced to terminate"):
		outcome.Status = annotate.Cancelled
	}
	return outcome
}

// Cancel implements Driver. What is terminated is the operation that the application
// has, so that it must be the run's own.
func (a *ArgoCD) Cancel(ctx context.Context, job Job) error {
	s, err := a.open()
	if err != nil {
		return err
	}
	defer s.close()
	app, err := a.get(ctx, s)
	switch {
	case err != nil:
		return fmt.Errorf("cancelling: %w", err)
	case !app.Operation.is(job): // the sync has ended, and at the most its health is waited for
		if err := os.WriteFile(filepath.Join(job.Folder, argoUnawaited), nil, 0o600); err != nil {
			return fmt.Errorf("cancelling: %w", err)
		}
		return nil
	}
	err = s.order(ctx, call{method: http.MethodDelete, url: a.application() + "/operation" + a.query()})
	if err == nil {
		return nil
	}
	if app, again := a.get(ctx, s); again == nil && !app.Operation.is(job) {
		return nil // it ended meanwhile, which Argo CD refuses to terminate
	}
	return err
}
