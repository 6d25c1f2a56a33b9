package intake

import (
	"cmp"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// jenkinsSender takes what the Notification plugin of Jenkins sends of a job's builds
// (jenkinsci/notification-plugin: Phase.java, JobListener.java and model/*.java). It can
// set a URL with user and password, and no other header.
func jenkinsSender() sender {
	return sender{
		name:    "jenkins",
		proofs:  []proof{bearer()},
		runs:    deploying,
		hasRuns: true,
		read:    readJenkins,
	}
}

// jenkinsPayload is what is read of a notification.
type jenkinsPayload struct {
	Name  string `json:"name"`
	URL   string `json:"url"` // job/FOLDER/job/NAME/
	Build struct {
		FullURL string `json:"full_url"` // only where Jenkins knows its own address
		URL     string `json:"url"`
		Number  int64  `json:"number"`
		Phase   string `json:"phase"`
		Status  string `json:"status"`
		// Timestamp is when the phase was reached, and Duration how long the build took,
		// both in milliseconds.
		Timestamp  int64             `json:"timestamp"`
		Duration   int64             `json:"duration"`
		Notes      string            `json:"notes"`
		SCM        jenkinsSCM        `json:"scm"`
		Parameters map[string]string `json:"parameters"`
	} `json:"build"`
}

type jenkinsSCM struct {
	URL      string   `json:"url"`
	Branch   string   `json:"branch"`
	Commit   string   `json:"commit"`
	Culprits []string `json:"culprits"`
}

// tag is the ref that was built, unless it is a branch of a remote.
func (s jenkinsSCM) tag() string {
	if strings.HasPrefix(s.Branch, "origin/") || strings.HasPrefix(s.Branch, "refs/remotes/") {
		return ""
	}
	return strings.TrimPrefix(s.Branch, "tags/")
}

// jenkinsResults are how builds end (hudson.model.Result). An unstable build has done all
// that it should, and some of its tests failed.
var jenkinsResults = map[string]annotate.Status{
	"SUCCESS": annotate.Succeeded, "UNSTABLE": annotate.Succeeded, "FAILURE": annotate.Failed,
	"NOT_BUILT": annotate.Cancelled, "ABORTED": annotate.Cancelled,
}

func readJenkins(h *Hook, d Delivery) (Told, error) {
	var p jenkinsPayload
	if strings.HasPrefix(d.Header.Get("Content-Type"), "application/xml") {
		return Told{}, invalid("Content-Type", nil, "is XML; set the endpoint's format to JSON")
	}
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	b := p.Build
	told := Told{Event: b.Phase}
	job := p.job()
	r, ok := h.run(job)
	switch {
	case b.Phase == "":
		return told, invalid("build.phase", nil, "is missing")
	case !ok:
		return noRun(told.Event, job), nil
	case b.Number == 0:
		return told, invalid("build.number", nil, "is missing")
	}
	said := jenkinsTime(b.Timestamp)
	r.ExternalID, r.At = p.id(job), said
	switch b.Phase {
	case "QUEUED":
		if said.IsZero() {
			return nothing(told.Event, "it says of a Pipeline not since when it is queued; STARTED follows at once"), nil
		}
		r.Status = annotate.Planned
	case "STARTED":
		r.Status, r.Start = annotate.Running, said
	case "COMPLETED", "FINALIZED":
		status, known := jenkinsResults[b.Status]
		if !known {
			return told, invalid("build.status", b.Status, "is none that is known: SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED")
		}
		r.Status = status
		told.Event += ": " + b.Status
		if b.Phase == "COMPLETED" { // the time of FINALIZED is when Jenkins had also cleaned up
			r.End = said
			if b.Duration > 0 && !said.IsZero() {
				r.Start = jenkinsTime(b.Timestamp - b.Duration)
			}
		}
	default:
		return nothing(told.Event, "it is no phase of a build; QUEUED, STARTED, COMPLETED and FINALIZED are"), nil
	}
	told.Reports = []annotate.Report{p.about(h, job, r)}
	return told, nil
}

func jenkinsTime(millis int64) annotate.Time {
	if millis <= 0 {
		return annotate.Time{}
	}
	return annotate.At(time.UnixMilli(millis))
}

// about says of a build what every phase does.
func (p jenkinsPayload) about(h *Hook, job string, r annotate.Report) annotate.Report {
	b := p.Build
	r.Title = job + " #" + strconv.FormatInt(b.Number, 10)
	r.Text = b.Notes
	r.Version = cmp.Or(r.Version, p.parameter("version"), versionOf(b.SCM.tag(), b.SCM.Commit))
	r.Environment = cmp.Or(r.Environment, p.parameter("environment"))
	// The repository is often that of scripts that deploy: the hook knows better.
	r.Service = cmp.Or(r.Service, p.parameter("service"), h.settings.Service, repositoryName(b.SCM.URL))
	r.Commit = b.SCM.Commit
	if len(b.SCM.Culprits) == 1 {
		r.Who = &annotate.Who{Name: b.SCM.Culprits[0], Type: "person"}
	}
	r.Labels = labelled(map[string]string{"job": job, "branch": b.SCM.Branch})
	r.Links = link("run", b.FullURL)
	return r
}

// job is the job's name with those of the folders that it is in: the job of a branch is
// called as the branch alone. Names are escaped in URLs, and those of branches in names.
func (p jenkinsPayload) job() string {
	var names []string
	for rest := strings.Split(strings.Trim(p.URL, "/"), "/"); len(rest) > 1; rest = rest[1:] {
		if rest[0] != "job" {
			continue
		}
		name := rest[1]
		for range 2 {
			if plain, err := url.PathUnescape(name); err == nil {
				name = plain
			}
		}
		names, rest = append(names, name), rest[1:]
	}
	return cmp.Or(strings.Join(names, "/"), p.Name)
}

// id tells a build from those of other jobs, and of other Jenkinses where they say who
// they are.
func (p jenkinsPayload) id(job string) string {
	if where := cmp.Or(p.Build.FullURL, p.Build.URL); where != "" {
		return externalID("build", strings.Trim(where, "/"))
	}
	return externalID("build", job, strconv.FormatInt(p.Build.Number, 10))
}

// parameter is that parameter of a build, whose name may be in capitals.
func (p jenkinsPayload) parameter(name string) string {
	return cmp.Or(p.Build.Parameters[name], p.Build.Parameters[strings.ToUpper(name)])
}

// repositoryName is the last part of the URL of a repository, also of one for ssh.
func repositoryName(remote string) string {
	if remote = strings.TrimSuffix(strings.TrimRight(remote, "/"), ".git"); remote == "" {
		return ""
	}
	return path.Base(remote[strings.LastIndex(remote, ":")+1:])
}
