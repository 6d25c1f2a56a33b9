package wrap

import (
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// Env looks up a variable of the environment, like os.Getenv.
type Env func(name string) string

// first returns the first of the variables that has a value.
func (e Env) first(names ...string) string {
	for _, name := range names {
		if value := e(name); value != "" {
			return value
		}
	}
	return ""
}

// ciSystem is one CI system, and what its jobs find in their environment.
type ciSystem struct {
	name string
	// detect is a variable that all of its jobs have.
	detect string
	read   func(Env) Facts
}

// ciSystems lists the systems that are known, in the order in which they are
// asked. Jenkins is last: its variable is also set by hand to reach one.
func ciSystems() []ciSystem {
	return []ciSystem{
		{"GitHub Actions", "GITHUB_ACTIONS", githubFacts},
		{"GitLab CI", "GITLAB_CI", gitlabFacts},
		{"CircleCI", "CIRCLECI", circleFacts},
		{"Buildkite", "BUILDKITE", buildkiteFacts},
		{"Jenkins", "JENKINS_URL", jenkinsFacts},
	}
}

// FromCI returns what the CI system says, which the command runs under; ok is
// false under none that is known. Where it names no person, it is itself the
// machine that deploys.
func FromCI(env Env) (f Facts, ok bool) {
	for _, system := range ciSystems() {
		if value := env(system.detect); value == "" || value == "false" {
			continue
		}
		f := system.read(env).Clean()
		if f.Who == nil {
			f.Who = &annotate.Who{Name: system.name, Type: "machine"}
		}
		return f, true
	}
	return Facts{}, false
}

// person returns who goes by a name in a CI system, nil for nobody.
func person(name string) *annotate.Who {
	switch {
	case name == "":
		return nil
	case strings.HasSuffix(name, "[bot]"): // GitHub's names of apps
		return &annotate.Who{Name: name, Type: "machine"}
	}
	return &annotate.Who{Name: name, Type: "person"}
}

func githubFacts(env Env) Facts {
	f := Facts{
		Commit: env("GITHUB_SHA"),
		// A re-run is started by another than the run was.
		Who: person(env.first("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR")),
	}
	if env("GITHUB_REF_TYPE") == "tag" {
		f.Tag = env("GITHUB_REF_NAME")
	} else {
		// Of a pull request the ref is 12/merge, and the head its branch.
		f.Branch = env.first("GITHUB_HEAD_REF", "GITHUB_REF_NAME")
	}
	if server, repository := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY"); server != "" && repository != "" {
		f.Repository = server + "/" + repository
		if run := env("GITHUB_RUN_ID"); run != "" {
			f.RunURL = f.Repository + "/actions/runs/" + run
			if attempt := env("GITHUB_RUN_ATTEMPT"); attempt != "" && attempt != "1" {
				f.RunURL += "/attempts/" + attempt
			}
		}
	}
	return f
}

func gitlabFacts(env Env) Facts {
	return Facts{
		Commit:      env("CI_COMMIT_SHA"),
		Branch:      env.first("CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"),
		Tag:         env("CI_COMMIT_TAG"),
		Repository:  env.first("CI_PROJECT_URL", "CI_REPOSITORY_URL"),
		Environment: env("CI_ENVIRONMENT_NAME"),
		Who:         person(env.first("GITLAB_USER_NAME", "GITLAB_USER_LOGIN")),
		RunURL:      env.first("CI_JOB_URL", "CI_PIPELINE_URL"),
	}
}

func circleFacts(env Env) Facts {
	return Facts{
		Commit:     env("CIRCLE_SHA1"),
		Branch:     env("CIRCLE_BRANCH"),
		Tag:        env("CIRCLE_TAG"),
		Repository: env("CIRCLE_REPOSITORY_URL"),
		Who:        person(env("CIRCLE_USERNAME")),
		RunURL:     env("CIRCLE_BUILD_URL"),
	}
}

func buildkiteFacts(env Env) Facts {
	f := Facts{
		Commit:     env("BUILDKITE_COMMIT"),
		Branch:     env("BUILDKITE_BRANCH"),
		Tag:        env("BUILDKITE_TAG"),
		Repository: env("BUILDKITE_REPO"),
		// Who pressed the button of a block step started the deploy, not who
		// pushed the commit.
		Who:    person(env.first("BUILDKITE_UNBLOCKER", "BUILDKITE_BUILD_CREATOR", "BUILDKITE_BUILD_AUTHOR")),
		RunURL: env("BUILDKITE_BUILD_URL"),
	}
	if job := env("BUILDKITE_JOB_ID"); job != "" && f.RunURL != "" {
		f.RunURL += "#" + job
	}
	if f.Tag != "" && f.Branch == f.Tag {
		f.Branch = "" // a build of a tag has it for its branch too
	}
	return f
}

func jenkinsFacts(env Env) Facts {
	f := Facts{
		Commit: env("GIT_COMMIT"),
		// Of a change request BRANCH_NAME is PR-12, and GIT_BRANCH has the remote
		// before it.
		Branch:     env.first("CHANGE_BRANCH", "BRANCH_NAME"),
		Tag:        env("TAG_NAME"),
		Repository: env.first("GIT_URL", "GIT_URL_1"),
		RunURL:     env("BUILD_URL"),
	}
	if f.Branch == "" {
		f.Branch = strings.TrimPrefix(env("GIT_BRANCH"), "origin/")
	}
	if f.Tag != "" && f.Branch == f.Tag {
		f.Branch = ""
	}
	// The plugin that tells the user has names for triggers, too.
	switch env("BUILD_USER_ID") {
	case "timer", "scmChange", "branchIndexing", "remoteRequest", "genericWebhook":
	default:
		f.Who = person(env.first("BUILD_USER", "BUILD_USER_ID"))
	}
	return f
}
