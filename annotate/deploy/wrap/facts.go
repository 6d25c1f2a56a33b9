package wrap

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
)

// Facts are what the surroundings say of a deploy. What is empty they do not say.
type Facts struct {
	// Commit is the full hash of the source commit.
	Commit string
	// Branch and Tag are what the commit was checked out as.
	Branch, Tag string
	// Repository is where the source is, such as github.com/acme/web.
	Repository string
	// Environment is where the deploy goes to, such as production.
	Environment string
	// Who started the deploy.
	Who *annotate.Who
	// RunURL leads to the CI system's page about the run.
	RunURL string
}

// Or returns f with its gaps filled from g.
func (f Facts) Or(g Facts) Facts {
	or := func(field *string, other string) {
		if *field == "" {
			*field = other
		}
	}
	// Branch and tag go with their commit: those of another commit are not its.
	if f.Commit == "" || f.Commit == g.Commit {
		or(&f.Branch, g.Branch)
		or(&f.Tag, g.Tag)
	}
	or(&f.Commit, g.Commit)
	or(&f.Repository, g.Repository)
	or(&f.Environment, g.Environment)
	or(&f.RunURL, g.RunURL)
	if f.Who == nil {
		f.Who = g.Who
	}
	return f
}

// shortCommit is how much of a commit's hash stands for a version: as much as
// keeps commits apart in a repository of any size.
const shortCommit = 12

// Fill returns r with its gaps filled from f. The version is the tag, and
// without one the beginning of the commit's hash.
func (f Facts) Fill(r annotate.Report) annotate.Report {
	commitSaid := r.Commit != "" && r.Commit != f.Commit
	if r.Commit == "" {
		r.Commit = f.Commit
	}
	if r.Environment == "" {
		r.Environment = f.Environment
	}
	if r.Who == nil {
		r.Who = f.Who
	}
	if r.Version == "" {
		if f.Tag != "" && !commitSaid {
			r.Version = f.Tag
		} else {
			r.Version = r.Commit[:min(len(r.Commit), shortCommit)]
		}
	}
	labels := map[string]string{"repository": f.Repository}
	if !commitSaid {
		labels["branch"] = f.Branch
	}
	for name, value := range r.Labels {
		labels[name] = value
	}
	for name, value := range labels {
		if value == "" {
			delete(labels, name)
		}
	}
	r.Labels = labels
	if f.RunURL != "" {
		r.Links = append(r.Links[:len(r.Links):len(r.Links)], annotate.Link{Rel: "run", Href: f.RunURL})
	}
	return r
}

// Clean returns f without what no log would take, or what may hold a secret:
// one bad fact must not cost the whole report.
func (f Facts) Clean() Facts {
	line := func(field *string, limit int) {
		if len(*field) > limit || !utf8.ValidString(*field) || strings.IndexFunc(*field, unicode.IsControl) >= 0 {
			*field = ""
		}
		*field = strings.TrimSpace(*field)
	}
	if !hashPattern.MatchString(f.Commit) {
		f.Commit = ""
	}
	line(&f.Branch, annotate.MaxValue)
	line(&f.Tag, annotate.MaxName)
	f.Repository = repositoryName(f.Repository)
	line(&f.Repository, annotate.MaxValue)
	line(&f.Environment, annotate.MaxName)
	f.RunURL = pageURL(f.RunURL)
	if f.Who != nil {
		who := *f.Who
		line(&who.Name, annotate.MaxName)
		f.Who = &who
		if who.Name == "" {
			f.Who = nil
		}
	}
	return f
}

var (
	// hashPattern is a git commit's full hash, SHA-1 or SHA-256. CI systems also
	// say HEAD before they have looked.
	hashPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	// scpPattern is git's short form of an SSH address, [user@]host:path.
	scpPattern = regexp.MustCompile(`^(?:[^/@:]+@)?([A-Za-z0-9.-]+\.[A-Za-z0-9.-]+):([^/].*|/.*)$`)
)

// repositoryName returns the host and path of a repository's address: the same
// for each of the ways to reach it, and without user, token or query. It is
// empty for what is on this machine only.
func repositoryName(address string) string {
	host, path := "", ""
	if m := scpPattern.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		host, path = m[1], m[2]
	} else if u, err := url.Parse(address); err == nil && u.Scheme != "file" {
		host, path = u.Hostname(), u.Path
	}
	path = strings.Trim(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	if host == "" || path == "" {
		return ""
	}
	return strings.ToLower(host) + "/" + path
}

// pageURL returns an http or https URL without user and password, and "" for
// anything else.
func pageURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	u.User = nil
	if s := u.String(); len(s) <= annotate.MaxHref {
		return s
	}
	return ""
}
