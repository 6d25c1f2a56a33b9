package wrap

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// gitPatience is how long all questions to git may take together.
const gitPatience = 2 * time.Second

// FromGit returns what git says of the checkout in the working folder, and who
// works here; the user's name where git does not know. Without git, without a
// repository, or past two seconds, it says less.
func FromGit(ctx context.Context, env Env) Facts {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	var f Facts
	if path, err := exec.LookPath("git"); err == nil {
		f = askGit(ctx, path)
	}
	if f.Who == nil {
		f.Who = person(env.first("USER", "LOGNAME"))
	}
	return f.Clean()
}

func askGit(ctx context.Context, path string) Facts {
	ask := func(args ...string) string {
		cmd := exec.CommandContext(ctx, path, args...)
		// No locks, for the deploy may use git at the same time; and no questions.
		cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		if err != nil {
			return ""
		}
		return string(bytes.TrimSpace(out))
	}
	var f Facts
	if name := ask("config", "--get", "user.name"); name != "" {
		f.Who = &annotate.Who{Name: name, Type: "person"}
	}
	if f.Commit = ask("rev-parse", "--verify", "--quiet", "HEAD"); f.Commit == "" {
		return f
	}
	f.Branch = ask("symbolic-ref", "--quiet", "--short", "HEAD")
	// A commit with several tags is no version in particular.
	if tags := strings.Fields(ask("tag", "--points-at", "HEAD")); len(tags) == 1 {
		f.Tag = tags[0]
	}
	f.Repository = ask("config", "--get", "remote.origin.url")
	return f
}
