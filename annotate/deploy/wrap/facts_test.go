package wrap

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

const (
	hash  = "83a20ec058e2fb00e7fa4558c4c6e81e2dcf253d"
	other = "1ecfd275763eff1d6b4844ea3168962458c9f27a"
)

func env(vars map[string]string) Env { return func(name string) string { return vars[name] } }

func TestFromCI(t *testing.T) {
	ada := &annotate.Who{Name: "ada", Type: "person"}
	for _, test := range []struct {
		name string
		env  map[string]string
		want Facts
	}{
		{"GitHub, push", map[string]string{
			"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch",
			"GITHUB_ACTOR": "grace", "GITHUB_TRIGGERING_ACTOR": "ada", "GITHUB_SERVER_URL": "https://github.com",
			"GITHUB_REPOSITORY": "acme/web", "GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_TOKEN": "s3cret",
		}, Facts{Commit: hash, Branch: "main", Repository: "github.com/acme/web", Who: ada, RunURL: "https://github.com/acme/web/actions/runs/17"}},
		{"GitHub, pull request run again", map[string]string{
			"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_REF_NAME": "12/merge", "GITHUB_REF_TYPE": "branch", "GITHUB_HEAD_REF": "feature",
			"GITHUB_ACTOR": "ada", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/web", "GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "3",
		}, Facts{Commit: hash, Branch: "feature", Repository: "github.com/acme/web", Who: ada, RunURL: "https://github.com/acme/web/actions/runs/17/attempts/3"}},
		{"GitHub, tag pushed by an app", map[string]string{
			"GITHUB_ACTIONS": "true", "GITHUB_SHA": hash, "GITHUB_REF_NAME": "v1.2", "GITHUB_REF_TYPE": "tag", "GITHUB_ACTOR": "renovate[bot]",
		}, Facts{Commit: hash, Tag: "v1.2", Who: &annotate.Who{Name: "renovate[bot]", Type: "machine"}}},
		{"GitLab", map[string]string{
			"GITLAB_CI": "true", "CI_COMMIT_SHA": hash, "CI_COMMIT_BRANCH": "main", "CI_ENVIRONMENT_NAME": "production",
			"CI_REPOSITORY_URL": "https://gitlab-ci-token:s3cret@gitlab.example/acme/web.git", "GITLAB_USER_NAME": "ada", "GITLAB_USER_LOGIN": "a1",
			"CI_JOB_URL": "https://gitlab.example/acme/web/-/jobs/5", "CI_JOB_TOKEN": "s3cret",
		}, Facts{Commit: hash, Branch: "main", Environment: "production", Repository: "gitlab.example/acme/web", Who: ada, RunURL: "https://gitlab.example/acme/web/-/jobs/5"}},
		{"GitLab, merge request", map[string]string{
			"GITLAB_CI": "true", "CI_COMMIT_SHA": hash, "CI_COMMIT_REF_NAME": "x", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
			"CI_PROJECT_URL": "https://gitlab.example/acme/web", "GITLAB_USER_LOGIN": "ada",
		}, Facts{Commit: hash, Branch: "feature", Repository: "gitlab.example/acme/web", Who: ada}},
		{"Jenkins", map[string]string{
			"JENKINS_URL": "https://ci.example/", "GIT_COMMIT": hash, "GIT_BRANCH": "origin/main", "GIT_URL": "git@git.example:acme/web.git",
			"BUILD_URL": "https://ci.example/job/web/3/", "BUILD_USER": "ada", "BUILD_USER_ID": "a1",
		}, Facts{Commit: hash, Branch: "main", Repository: "git.example/acme/web", Who: ada, RunURL: "https://ci.example/job/web/3/"}},
		{"Jenkins, by the clock", map[string]string{
			"JENKINS_URL": "https://ci.example/", "GIT_COMMIT": hash, "BRANCH_NAME": "PR-7", "CHANGE_BRANCH": "feature",
			"BUILD_USER": "Timer Trigger", "BUILD_USER_ID": "timer",
		}, Facts{Commit: hash, Branch: "feature", Who: &annotate.Who{Name: "Jenkins", Type: "machine"}}},
		{"CircleCI", map[string]string{
			"CIRCLECI": "true", "CIRCLE_SHA1": hash, "CIRCLE_BRANCH": "main", "CIRCLE_USERNAME": "ada", "CIRCLE_OIDC_TOKEN": "s3cret",
			"CIRCLE_REPOSITORY_URL": "git@github.com:acme/web.git", "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/web/9",
		}, Facts{Commit: hash, Branch: "main", Repository: "github.com/acme/web", Who: ada, RunURL: "https://circleci.com/gh/acme/web/9"}},
		{"Buildkite", map[string]string{
			"BUILDKITE": "true", "BUILDKITE_COMMIT": hash, "BUILDKITE_BRANCH": "main", "BUILDKITE_BUILD_CREATOR": "grace", "BUILDKITE_UNBLOCKER": "ada",
			"BUILDKITE_REPO": "ssh://git@github.com:22/acme/web.git", "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/web/builds/4", "BUILDKITE_JOB_ID": "j1",
			"BUILDKITE_AGENT_ACCESS_TOKEN": "s3cret",
		}, Facts{Commit: hash, Branch: "main", Repository: "github.com/acme/web", Who: ada, RunURL: "https://buildkite.com/acme/web/builds/4#j1"}},
		{"Buildkite before it looked", map[string]string{
			"BUILDKITE": "true", "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "v2", "BUILDKITE_TAG": "v2",
		}, Facts{Tag: "v2", Who: &annotate.Who{Name: "Buildkite", Type: "machine"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := FromCI(env(test.env))
			require.True(t, ok)
			require.Equal(t, test.want, got)
		})
	}
	_, ok := FromCI(env(map[string]string{"CI": "true", "GITHUB_ACTIONS": "false", "GITHUB_SHA": hash}))
	require.False(t, ok)
}

func TestRepositoryName(t *testing.T) {
	f := func(address, want string) {
		t.Helper()
		require.Equal(t, want, repositoryName(address))
	}
	f("https://github.com/acme/web.git", "github.com/acme/web")
	f("https://user:s3cret@GitHub.com/acme/web/", "github.com/acme/web")
	f("https://github.com/acme/web?token=s3cret#x", "github.com/acme/web")
	f("git@github.com:acme/web.git", "github.com/acme/web")
	f("github.com:acme/web", "github.com/acme/web")
	f("ssh://git@github.com:2222/acme/web.git", "github.com/acme/web")
	f("git://github.com/acme/web", "github.com/acme/web")
	f("", "")
	f("/srv/git/web.git", "")
	f("../web", "")
	f("file:///srv/git/web.git", "")
	f(`C:\web`, "")
	f("https://github.com", "")
	f("user:s3cret@github.com/acme", "")
	f("https://a b\x00", "")
}

func FuzzRepositoryName(f *testing.F) {
	f.Add("https://user:s3cret@github.com/acme/web.git")
	f.Add("s3cret@github.com:acme/web")
	f.Fuzz(func(t *testing.T, address string) {
		name := repositoryName("https://u:hunter2secret@" + address)
		if !strings.Contains(address, "hunter2secret") && !strings.Contains(strings.ToLower(address), "hunter2secret") && strings.Contains(name, "hunter2secret") {
			t.Fatalf("%q shows the password", name)
		}
	})
}

func TestClean(t *testing.T) {
	f := Facts{
		Commit: "not a hash", Branch: "a\nb", Tag: strings.Repeat("x", annotate.MaxName+1), Environment: "\xff",
		Who: &annotate.Who{Name: "\x1b[31m"}, RunURL: "https://me:s3cret@ci.example/1?x=y",
	}.Clean()
	require.Equal(t, Facts{RunURL: "https://ci.example/1?x=y"}, f)
	require.Empty(t, Facts{RunURL: "javascript:alert(1)"}.Clean().RunURL)
}

func TestFill(t *testing.T) {
	facts := Facts{Commit: hash, Branch: "main", Repository: "github.com/acme/web", RunURL: "https://ci.example/1", Who: &annotate.Who{Name: "ada"}}
	r := facts.Fill(annotate.Report{})
	require.Equal(t, annotate.Report{
		Commit: hash, Version: hash[:12], Who: facts.Who,
		Labels: map[string]string{"branch": "main", "repository": "github.com/acme/web"},
		Links:  []annotate.Link{{Rel: "run", Href: "https://ci.example/1"}},
	}, r)

	facts.Tag = "v1"
	require.Equal(t, "v1", facts.Fill(annotate.Report{}).Version)

	given := annotate.Report{
		Commit: other, Who: &annotate.Who{Name: "grace"}, Environment: "staging",
		Labels: map[string]string{"repository": "mine"}, Links: []annotate.Link{{Href: "https://x.example"}},
	}
	r = facts.Fill(given)
	require.Equal(t, "grace", r.Who.Name)
	require.Equal(t, other[:12], r.Version, "the tag is another commit's")
	require.Equal(t, map[string]string{"repository": "mine"}, r.Labels, "and so is the branch")
	require.Len(t, r.Links, 2)
	require.Len(t, given.Links, 1)

	require.Equal(t, "v9", facts.Fill(annotate.Report{Version: "v9"}).Version)
	require.Empty(t, Facts{}.Fill(annotate.Report{}).Labels)
}

func TestOr(t *testing.T) {
	ci := Facts{Commit: hash, RunURL: "u"}
	require.Equal(t, "main", ci.Or(Facts{Commit: hash, Branch: "main"}).Branch)
	require.Empty(t, ci.Or(Facts{Commit: other, Branch: "main"}).Branch, "another commit's branch")
	require.Equal(t, hash, ci.Or(Facts{Commit: other}).Commit)
	require.Equal(t, other, Facts{}.Or(Facts{Commit: other}).Commit)
}

func TestFromGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": dir, "GIT_CEILING_DIRECTORIES": dir,
		"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x.example", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x.example",
	} {
		t.Setenv(name, value)
	}
	user := env(map[string]string{"USER": "ada"})
	ada := &annotate.Who{Name: "ada", Type: "person"}
	require.Equal(t, Facts{Who: ada}, FromGit(context.Background(), user), "no repository")

	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("remote", "add", "origin", "https://me:s3cret@git.example/acme/web.git")
	require.Equal(t, Facts{Who: ada}, FromGit(context.Background(), user), "nothing committed")
	git("commit", "-q", "--allow-empty", "-m", "first")
	git("config", "user.name", "Ada Lovelace")
	want := Facts{
		Commit: git("rev-parse", "HEAD"), Branch: "main", Repository: "git.example/acme/web",
		Who: &annotate.Who{Name: "Ada Lovelace", Type: "person"},
	}
	require.Equal(t, want, FromGit(context.Background(), user))
	git("tag", "v1")
	want.Tag = "v1"
	require.Equal(t, want, FromGit(context.Background(), user))
	git("tag", "v1-again")
	git("checkout", "-q", "--detach")
	want.Tag, want.Branch = "", ""
	require.Equal(t, want, FromGit(context.Background(), user))

	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	require.Equal(t, Facts{Who: ada}, FromGit(ctx, user), "git takes too long")
}
