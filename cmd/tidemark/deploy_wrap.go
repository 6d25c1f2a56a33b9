package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/wrap"
	"github.com/tidemark/tidemark/internal/client"
)

// deployWrapCmd is the command that a -- in the arguments of deploy stands for.
type deployWrapCmd struct {
	whatFlags
	gateFlags
	Kind    string        `default:"deploy" help:"The kind of change (${default})."`
	Timeout time.Duration `default:"3s" help:"How long the deploy may wait for the server to answer each time: whether it is held, at its beginning, and at its end."`

	Command []string `arg:"" passthrough:"partial" help:"The command, and its arguments."`
}

// Help tells what no flag does.
func (deployWrapCmd) Help() string {
	return `The command runs as it would without tidemark: same input, output, signals and exit code. What is not
said by flags comes from the CI system (GitHub, GitLab, Jenkins, CircleCI, Buildkite) and from git; the version is
the commit's tag or the beginning of its hash. A server that cannot be reached never stops a deploy: what it could
not take is kept in the spool, and sent with the next deploy or by tidemark change flush. A hold (tidemark hold) does:
then nothing runs, and the exit code is 75, unless --if-held=wait.`
}

// Run runs the command and reports it. It ends with the command's exit code.
func (c *deployWrapCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	args := c.Command
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return &exitError{codeUsage, fmt.Errorf("the command is missing; write it behind --, as in: tidemark deploy --service web -- ./deploy.sh")}
	}
	report, err := c.reported(ctx, os.Getenv)
	if err != nil {
		return err
	}
	passed, err := c.gate(parent.connection, report, io).pass(ctx)
	if err != nil {
		return err
	}
	report.Evidence = passed
	outcome := wrap.Deploy{
		Report: report,
		Args:   args,
		Stdin:  io.In, Stdout: io.Out, Stderr: io.Err,
		Log: c.log(parent.connection, io),
	}.Run(ctx)
	if outcome.Code == 0 {
		return nil
	}
	return &exitError{outcome.Code, outcome.Err}
}

// reported returns what is known of the deploy before it runs.
func (c *deployWrapCmd) reported(ctx context.Context, env wrap.Env) (annotate.Report, error) {
	r, err := c.report("tidemark-deploy")
	if err != nil {
		return annotate.Report{}, err
	}
	r.Kind = c.Kind
	facts, inCI := wrap.FromCI(env)
	fromGit := wrap.FromGit(ctx, env)
	if inCI {
		fromGit.Who = nil // whoever the CI system's machine is set up for
	}
	return facts.Or(fromGit).Fill(r), nil
}

// gate is what the deploy passes before it begins. How the server cannot be reached,
// log tells.
func (c *deployWrapCmd) gate(at connection, r annotate.Report, io streams) gate {
	return gate{
		gateFlags: c.gateFlags, every: lookEvery, now: time.Now, warn: io.warn,
		ask: func(ctx context.Context) ([]deploy.Obstacle, error) {
			token, err := at.token()
			if err != nil {
				return nil, err
			}
			to, err := client.New(client.Options{Server: at.Server, Token: token, Timeout: c.Timeout})
			if err != nil {
				return nil, err
			}
			return to.Obstacles(ctx, deploy.ID{Service: r.Service, Environment: r.Environment})
		},
	}
}

// log returns where the deploy is reported. No mistake in how to reach the
// server stops the deploy.
func (c *deployWrapCmd) log(at connection, io streams) wrap.Log {
	token, err := at.token()
	if err != nil {
		io.warn(err.Error())
	}
	to, err := at.dialWith(token, c.Timeout, io)
	if err != nil {
		io.warn(fmt.Sprintf("the deploy is not recorded: %v", err))
		return unrecorded{}
	}
	return at.outbox(to, io).NewLogbook(c.Timeout)
}

// unrecorded is the log of a deploy that nobody hears of.
type unrecorded struct{}

var _ wrap.Log = unrecorded{}

// Open implements wrap.Log.
func (unrecorded) Open(context.Context, annotate.Report) {}

// Alive implements wrap.Log.
func (unrecorded) Alive(time.Time) {}

// Close implements wrap.Log.
func (unrecorded) Close(context.Context, annotate.Report) {}
