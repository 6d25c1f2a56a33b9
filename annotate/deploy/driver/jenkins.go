package driver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

// Jenkins has a job of Jenkins carry out a deploy. It follows the remote access API,
// https://www.jenkins.io/doc/book/using/remote-access-api/, and what each object says
// of itself at …/api/. A request with a user's API token needs no crumb.
type Jenkins struct {
	Remote
	// URL is where Jenkins is, with its prefix if it has one.
	URL string
	// Job is its full name, such as folder/deploy.
	Job string
	// Parameters are the job's, which must declare them. Where it declares
	// TIDEMARK_DEPLOY_ID too, it gets the run's id, and its builds are found after a
	// crash.
	Parameters map[string]deploy.Template
	// User has the API token Token.
	User  string
	Token secret.Secret
}

// jenkinsBuilds is how many builds are searched, newest first.
const jenkinsBuilds = 100

var _ Driver = (*Jenkins)(nil)

// Name implements Driver.
func (j *Jenkins) Name() string { return "jenkins" }

func (j *Jenkins) open() (*session, error) {
	return j.Remote.open(j.URL, j.Token, func(h http.Header, token string) {
		r := http.Request{Header: h}
		r.SetBasicAuth(j.User, token)
	})
}

func (j *Jenkins) root() string { return strings.TrimRight(j.URL, "/") }

// job is the URL of the job. It is made of the configuration: what Jenkins believes
// its own URL to be is often not where it can be reached.
func (j *Jenkins) job() string {
	where := j.root()
	for part := range strings.SplitSeq(strings.Trim(j.Job, "/"), "/") {
		where += "/job/" + url.PathEscape(part)
	}
	return where
}

func (j *Jenkins) build(number int64) string { return j.job() + "/" + strconv.FormatInt(number, 10) }

type jenkinsActions []struct {
	Parameters []struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	} `json:"parameters"`
}

// has reports whether the run's id is among the parameters.
func (a jenkinsActions) has(id string) bool {
	for _, action := range a {
		for _, p := range action.Parameters {
			if p.Name == deployVariable && p.Value == id {
				return true
			}
		}
	}
	return false
}

type jenkinsJob struct {
	Buildable bool `json:"buildable"`
	InQueue   bool `json:"inQueue"`
	Property  []struct {
		Definitions []struct {
			Name string `json:"name"`
		} `json:"parameterDefinitions"`
	} `json:"property"`
	Builds []struct {
		Number  int64          `json:"number"`
		Queue   int64          `json:"queueId"`
		Time    int64          `json:"timestamp"`
		Actions jenkinsActions `json:"actions"`
	} `json:"builds"`
}

// declared are the names of the job's parameters.
func (o jenkinsJob) declared() []string {
	names := []string{}
	for _, p := range o.Property {
		for _, d := range p.Definitions {
			names = append(names, d.Name)
		}
	}
	return names
}

// ask asks for the job with the fields of tree.
func (j *Jenkins) ask(ctx context.Context, s *session, tree string) (object jenkinsJob, err error) {
	_, err = s.json(ctx, j.job()+"/api/json?tree="+url.QueryEscape(tree), &object)
	return object, err
}

// Begin implements Driver. It asks for the job first: Jenkins would leave out silently
// what the job does not declare, and deploy something else.
func (j *Jenkins) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := j.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	object, err := j.ask(ctx, s, "buildable,property[parameterDefinitions[name]]")
	if err != nil {
		return deploy.Ref{}, fmt.Errorf("nothing was begun: %w", err)
	}
	if !object.Buildable {
		return deploy.Ref{}, fmt.Errorf("nothing was begun: the job %s is disabled", j.Job)
	}
	declared, values, form := object.declared(), job.Values(), url.Values{}
	for _, name := range slices.Sorted(maps.Keys(j.Parameters)) {
		if !slices.Contains(declared, name) {
			return deploy.Ref{}, fmt.Errorf("nothing was begun: the job %s declares no parameter %s; "+
				"a Jenkinsfile declares its own when it runs for the first time", j.Job, name)
		}
		form.Set(name, j.Parameters[name].Fill(values, nil))
	}
	if slices.Contains(declared, deployVariable) {
		form.Set(deployVariable, job.ID)
	}
	where := j.job() + "/build"
	if len(declared) > 0 {
		where += "WithParameters"
	}
	a, err := s.begin(ctx, call{
		method: http.MethodPost, url: where, body: []byte(form.Encode()), cut: true,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	})
	if err != nil {
		return deploy.Ref{}, err
	}
	item, ok := queueItem(a.header.Get("Location"))
	if !ok {
		return deploy.Ref{}, fmt.Errorf("%w: the answer of %s does not say where in the queue it is", ErrUncertain, a.url.Host)
	}
	return j.ref("queue", item), nil
}

// ref is a build's, or its item's in the queue: a build has no number before it starts.
func (j *Jenkins) ref(kind string, number int64) deploy.Ref {
	ref := deploy.Ref{ID: kind + "/" + strconv.FormatInt(number, 10), URL: j.job() + "/"}
	if kind == "build" {
		ref.URL = j.build(number) + "/"
	}
	return ref
}

// begun is where a run is. A configuration that names another job by now must not have
// a stranger's build followed, or stopped.
func (j *Jenkins) begun(job Job) (item, build int64, err error) {
	if job.Ref.URL != "" && !strings.HasPrefix(job.Ref.URL, j.job()+"/") {
		return 0, 0, fmt.Errorf("it runs at %s, and the configuration names %s by now: put that back", job.Ref.URL, j.job())
	}
	return parseRef(job.Ref)
}

// parseRef is what ref made.
func parseRef(ref deploy.Ref) (item, build int64, err error) {
	kind, text, _ := strings.Cut(ref.ID, "/")
	number, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil && number > 0 && kind == "queue":
		return number, 0, nil
	case err == nil && number > 0 && kind == "build":
		return 0, number, nil
	}
	return 0, 0, fmt.Errorf("%q is neither queue/NUMBER nor build/NUMBER", ref.ID)
}

var queueItemPath = regexp.MustCompile(`/queue/item/([0-9]{1,18})/?$`)

// queueItem is the number in the URL of an item of the queue.
func queueItem(location string) (int64, bool) {
	found := queueItemPath.FindStringSubmatch(location)
	if found == nil {
		return 0, false
	}
	number, err := strconv.ParseInt(found[1], 10, 64)
	return number, err == nil && number > 0
}

// Find implements Driver. That nothing was begun is certain where the job declares
// the run's id, so that all that it was begun with have one; or else where it has
// nothing at all in the queue and no build since.
func (j *Jenkins) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := j.open()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	defer s.close()
	var queue struct {
		Items []struct {
			ID      int64          `json:"id"`
			Actions jenkinsActions `json:"actions"`
		} `json:"items"`
	}
	// The queue comes first: what leaves it meanwhile is among the builds then.
	if _, err := s.json(ctx, j.root()+"/queue/api/json?tree="+url.QueryEscape("items[id,actions[parameters[name,value]]]"), &queue); err != nil {
		return deploy.Ref{}, false, err
	}
	for _, item := range queue.Items {
		if item.Actions.has(job.ID) {
			return j.ref("queue", item.ID), true, nil
		}
	}
	object, err := j.ask(ctx, s, fmt.Sprintf("inQueue,property[parameterDefinitions[name]],"+
		"builds[number,queueId,timestamp,actions[parameters[name,value]]]{0,%d}", jenkinsBuilds))
	if err != nil {
		return deploy.Ref{}, false, err
	}
	begun, lately, all := since(job).UnixMilli(), 0, len(object.Builds) < jenkinsBuilds
	for _, build := range object.Builds {
		if build.Actions.has(job.ID) {
			return j.ref("build", build.Number), true, nil
		}
		if build.Time >= begun {
			lately++
		} else {
			all = true
		}
	}
	if err := s.settle(job); err != nil {
		return deploy.Ref{}, false, err
	}
	declared := slices.Contains(object.declared(), deployVariable)
	switch {
	case !all:
		return deploy.Ref{}, false, fmt.Errorf("%w: none of the last %d builds is it, and there are more", ErrUncertain, jenkinsBuilds)
	case !declared && (object.InQueue || lately > 0):
		return deploy.Ref{}, false, fmt.Errorf("%w: the job %s declares no parameter %s that would tell", ErrUncertain, j.Job, deployVariable)
	}
	return deploy.Ref{}, false, nil
}

// Follow implements Driver.
func (j *Jenkins) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	item, build, err := j.begun(job)
	if err != nil {
		return deploy.Outcome{}, err
	}
	s, err := j.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, func(ctx context.Context, f *following) (none deploy.Outcome, over bool, err error) {
		if build == 0 {
			build = f.memory.Build
		}
		if build == 0 {
			waiting, err := j.waiting(ctx, f.session, item)
			if err != nil {
				return none, false, f.missing(ctx, err, j.job()+"/api/json?tree=buildable")
			}
			if waiting.Cancelled {
				return deploy.Outcome{Status: annotate.Cancelled, Text: "it was taken out of the queue"}, true, nil
			}
			if build = waiting.Executable.Number; build == 0 {
				why := shorten(waiting.Why, f.token)
				f.news("queue", "waiting", "In the queue: %s", why)
				return none, false, nil
			}
			f.memory.Build, f.memory.changed = build, true
		}
		return j.look(ctx, f, build)
	})
}
