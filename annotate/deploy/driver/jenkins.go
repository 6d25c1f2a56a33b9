package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// Jenkins builds a job with parameters, by Jenkins' remote access API
// (https://www.jenkins.io/doc/book/using/remote-access-api/). A run is an item of the
// queue first, and then a build. It also has the parameter TIDEMARK_DEPLOY_ID, which a job
// that declares it lets a run be found by.
type Jenkins struct {
	Remote
	// URL is Jenkins', User one of its users, and Token an API token of theirs: it needs
	// no crumb.
	URL   string
	User  string
	Token Secret
	// Job is the job's full name: deploy, or folder/deploy.
	Job string
	// Parameters are the job's own, and their values.
	Parameters map[string]deploy.Template
}

var _ Driver = (*Jenkins)(nil)

// jenkinsID is the parameter that has the run's id.
const jenkinsID = "TIDEMARK_DEPLOY_ID"

// Name implements Driver.
func (*Jenkins) Name() string { return "jenkins" }

func (d *Jenkins) open() (*session, error) {
	return d.Remote.open(d.URL, d.Token, func(h http.Header, token string) {
		r := http.Request{Header: h}
		r.SetBasicAuth(d.User, token)
	})
}

func (d *Jenkins) root() string { return strings.TrimRight(d.URL, "/") }

// job is the job's URL.
func (d *Jenkins) job() string {
	where := d.root()
	for name := range strings.SplitSeq(strings.Trim(d.Job, "/"), "/") {
		where += "/job/" + url.PathEscape(name)
	}
	return where
}

// queued is how a run is named by its item in the queue, which a build has too.
func (d *Jenkins) queued(item int64) deploy.Ref {
	return deploy.Ref{ID: "queue item " + strconv.FormatInt(item, 10), URL: d.job() + "/"}
}

// Begin implements Driver.
func (d *Jenkins) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	form := url.Values{jenkinsID: {job.ID}}
	for name, value := range d.Parameters {
		form.Set(name, value.Fill(job.Values(), nil))
	}
	a, err := s.begin(ctx, call{
		method: http.MethodPost, url: d.job() + "/buildWithParameters", body: []byte(form.Encode()),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	})
	if err != nil {
		return deploy.Ref{}, err
	}
	to, err := a.location()
	if err != nil {
		return deploy.Ref{}, fmt.Errorf("%w: Jenkins does not say which item of its queue it is: %w", ErrUncertain, err)
	}
	parts := strings.Split(strings.Trim(to.Path, "/"), "/")
	item, err := strconv.ParseInt(parts[len(parts)-1], 10, 64)
	if err != nil {
		return deploy.Ref{}, fmt.Errorf("%w: Jenkins says that it is at %s, which is no item of its queue", ErrUncertain, to.Path)
	}
	return d.queued(item), nil
}

// item is the number of a run's item in the queue.
func (d *Jenkins) item(job Job) (int64, error) {
	item, err := strconv.ParseInt(strings.TrimPrefix(job.Ref.ID, "queue item "), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no item of Jenkins' queue", job.Ref.ID)
	}
	return item, nil
}

// jenkinsActions have the parameters of an item or a build.
type jenkinsActions []struct {
	Parameters []struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	} `json:"parameters"`
}

func (a jenkinsActions) of(run string) bool {
	for _, action := range a {
		for _, p := range action.Parameters {
			if p.Name == jenkinsID && string(p.Value) == strconv.Quote(run) {
				return true
			}
		}
	}
	return false
}

// jenkinsBuild is what is read of a build.
type jenkinsBuild struct {
	Number   int64          `json:"number"`
	QueueID  int64          `json:"queueId"`
	Building bool           `json:"building"`
	Result   string         `json:"result"`
	URL      string         `json:"url"`
	Actions  jenkinsActions `json:"actions"`
}

// builds are the newest of the job.
func (d *Jenkins) builds(ctx context.Context, s *session) ([]jenkinsBuild, error) {
	var list struct {
		Builds []jenkinsBuild `json:"builds"`
	}
	tree := url.QueryEscape("builds[number,queueId,building,result,url,actions[parameters[name,value]]]{0,100}")
	_, err := s.json(ctx, d.job()+"/api/json?tree="+tree, &list)
	return list.Builds, err
}

// Find implements Driver. A job that does not declare the parameter drops it, so that
// a run which is not found may be there.
func (d *Jenkins) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := d.open()
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
	tree := url.QueryEscape("items[id,actions[parameters[name,value]]]")
	if _, err := s.json(ctx, d.root()+"/queue/api/json?tree="+tree, &queue); err != nil {
		return deploy.Ref{}, false, err
	}
	for _, item := range queue.Items {
		if item.Actions.of(job.ID) {
			return d.queued(item.ID), true, nil
		}
	}
	builds, err := d.builds(ctx, s)
	if err != nil {
		return deploy.Ref{}, false, err
	}
	for _, b := range builds {
		if b.Actions.of(job.ID) {
			return d.queued(b.QueueID), true, nil
		}
	}
	if err := s.settle(job); err != nil {
		return deploy.Ref{}, false, err
	}
	return deploy.Ref{}, false, fmt.Errorf("%w: Jenkins has no build with its id, which only jobs with the parameter %s have", ErrUncertain, jenkinsID)
}

// Follow implements Driver.
func (d *Jenkins) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, d.look)
}

func (d *Jenkins) look(ctx context.Context, f *following) (deploy.Outcome, bool, error) {
	if f.memory.Build == 0 {
		outcome, over, err := d.waits(ctx, f)
		if err != nil || over || f.memory.Build == 0 {
			return outcome, over, err
		}
	}
	build := fmt.Sprintf("%s/%d", d.job(), f.memory.Build)
	var b jenkinsBuild
	if _, err := f.json(ctx, build+"/api/json?tree="+url.QueryEscape("number,building,result,url"), &b); err != nil {
		return deploy.Outcome{}, false, f.missing(ctx, err, d.job()+"/api/json?tree=name")
	}
	// After the state: what an ended build wrote is all there.
	if err := d.console(ctx, f, build); err != nil {
		return deploy.Outcome{}, false, err
	}
	if b.Building || b.Result == "" {
		return deploy.Outcome{}, false, nil
	}
	text := fmt.Sprintf("build %d ended as %s", f.memory.Build, b.Result)
	switch b.Result {
	case "SUCCESS":
		return deploy.Outcome{Status: annotate.Succeeded, Text: text}, true, nil
	case "ABORTED":
		return deploy.Outcome{Status: annotate.Cancelled, Text: text}, true, nil
	}
	return deploy.Outcome{Status: annotate.Failed, Text: text}, true, nil
}

// waits looks at the run in the queue, and remembers its build once it has one.
func (d *Jenkins) waits(ctx context.Context, f *following) (deploy.Outcome, bool, error) {
	number, err := d.item(f.job)
	if err != nil {
		return deploy.Outcome{}, false, err
	}
	var item struct {
		Cancelled  bool   `json:"cancelled"`
		Why        string `json:"why"`
		Executable *struct {
			Number int64  `json:"number"`
			URL    string `json:"url"`
		} `json:"executable"`
	}
	_, err = f.json(ctx, fmt.Sprintf("%s/queue/item/%d/api/json", d.root(), number), &item)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.gone():
		// An item is forgotten five minutes after its build began.
		builds, listErr := d.builds(ctx, f.session)
		if listErr != nil {
			return deploy.Outcome{}, false, listErr
		}
		for _, b := range builds {
			if b.QueueID == number {
				f.building(b.Number, b.URL)
				return deploy.Outcome{}, false, nil
			}
		}
		return deploy.Outcome{}, false, fmt.Errorf("%w: %w", errMissing, err)
	case err != nil:
		return deploy.Outcome{}, false, err
	case item.Cancelled:
		return deploy.Outcome{Status: annotate.Cancelled, Text: "was cancelled in Jenkins' queue"}, true, nil
	case item.Executable != nil && item.Executable.Number > 0:
		f.building(item.Executable.Number, item.Executable.URL)
	default:
		f.news("queue", item.Why, "waits: %s", item.Why)
	}
	return deploy.Outcome{}, false, nil
}

// building remembers the build that the run became.
func (f *following) building(number int64, page string) {
	f.memory.Build, f.memory.changed = number, true
	f.news("build", strconv.FormatInt(number, 10), "build %d: %s", number, page)
}

// console copies what is new of the build's output.
func (d *Jenkins) console(ctx context.Context, f *following, build string) error {
	h, err := f.text(ctx, fmt.Sprintf("%s/logText/progressiveText?start=%d", build, f.memory.Offset), f.log)
	if err != nil {
		return err
	}
	if size, err := strconv.ParseInt(h.Get("X-Text-Size"), 10, 64); err == nil && size > f.memory.Offset {
		f.memory.Offset, f.memory.changed = size, true
	}
	return f.memory.keep()
}

// Cancel implements Driver.
func (d *Jenkins) Cancel(ctx context.Context, job Job) error {
	s, err := d.open()
	if err != nil {
		return err
	}
	defer s.close()
	number, err := d.item(job)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("%s/queue/cancelItem?id=%d", d.root(), number)
	build := recall(job.Folder).Build
	if build == 0 { // it may have begun since it was looked at last
		builds, err := d.builds(ctx, s)
		if err != nil {
			return err
		}
		for _, b := range builds {
			if b.QueueID == number {
				build = b.Number
			}
		}
	}
	if build != 0 {
		where = fmt.Sprintf("%s/%d/stop", d.job(), build)
	}
	a, err := s.do(ctx, call{method: http.MethodPost, url: where})
	if err != nil {
		return err
	}
	switch {
	case a.status/100 == 2, a.status/100 == 3: // it leads to a page then
		return nil
	case build == 0 && a.status == http.StatusNotFound: // it is not in the queue any more
		return nil
	}
	return s.refusal(a)
}
