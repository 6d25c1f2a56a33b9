package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

type deployCmd struct {
	connection

	Start    deployStartCmd    `cmd:"" default:"withargs" help:"Deploy a version of a service by the server. The word start may be left out."`
	Wrap     deployWrapCmd     `cmd:"" help:"Run a command of your own as a deploy, and record it. The word wrap may be left out: tidemark deploy [flags] -- COMMAND."`
	List     deployListCmd     `cmd:"" help:"List the deploys that the server carries out."`
	Targets  deployTargetsCmd  `cmd:"" help:"List what can be deployed where, and how it stands there."`
	Show     deployShowCmd     `cmd:"" help:"Show how it stands with a deploy."`
	Log      deployLogCmd      `cmd:"" help:"Show what a deploy printed."`
	Cancel   deployCancelCmd   `cmd:"" help:"Cancel a deploy."`
	Rollback deployRollbackCmd `cmd:"" help:"Deploy the last good version again."`
}

// deployWords are the subcommands of deploy.
var deployWords = []string{"start", "wrap", "list", "targets", "show", "log", "cancel", "rollback"}

// wrapped puts in the word that may be left out: behind -- stands a command to run.
func wrapped(args []string) []string {
	if len(args) < 2 || args[0] != "deploy" || !slices.Contains(args, "--") {
		return args
	}
	for i, arg := range args[1:slices.Index(args, "--")] {
		before := args[i] // the one before arg
		if strings.HasPrefix(before, "-") && !strings.Contains(before, "=") {
			continue // arg is the value of a flag
		}
		if slices.Contains(deployWords, arg) {
			return args
		}
	}
	return slices.Insert(slices.Clone(args), 1, "wrap")
}

// hint says what is meant where a deploy has flags of the wrapping form and no --.
func hint(args []string, err error) error {
	named := slices.ContainsFunc(args, func(arg string) bool { return arg == "--" || slices.Contains(deployWords, arg) })
	if len(args) > 0 && args[0] == "deploy" && !named && strings.HasPrefix(err.Error(), "unknown flag") {
		return fmt.Errorf("%w; a command of your own stands behind --, as in: tidemark deploy --service web -- ./deploy.sh", err)
	}
	return err
}

// askFlags are what is said with a deploy and with a rollback.
type askFlags struct {
	outputFlag
	Param      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"What else the target lets its callers choose; may be repeated."`
	Reason     string            `short:"m" placeholder:"TEXT" help:"Why, for whoever reads the log."`
	Who        string            `env:"TIDEMARK_WHO" help:"Who deploys, where the token is not theirs."`
	ExternalID string            `name:"external-id" placeholder:"ID" help:"Your own id for the deploy: asked for twice with the same, it is deployed once."`
	IfHeld     string            `enum:"fail,wait" default:"fail" env:"TIDEMARK_IF_HELD" help:"What to do while somebody holds the target, or it is frozen: fail with exit code 75, or wait."`
	Override   []string          `sep:"none" placeholder:"ID" help:"Pass the hold with this id, or the freeze with this name; --reason is recorded. May be repeated."`
	Detach     bool              `help:"Do not wait for the deploy to end."`
	Timeout    time.Duration     `default:"10s" help:"How long the server may take to answer."`
}

func (f askFlags) saying() client.DeploySaying {
	return client.DeploySaying{
		Parameters: f.Param, Reason: f.Reason, Who: f.Who, ExternalID: f.ExternalID, IfHeld: f.IfHeld, Override: f.Override,
	}
}

type deployStartCmd struct {
	askFlags
	Service     string `arg:"" help:"What to deploy."`
	Environment string `aliases:"env" env:"TIDEMARK_ENVIRONMENT" help:"Where; it may be left out where there is only one."`
	Version     string `env:"TIDEMARK_VERSION" help:"The version to deploy."`
}

// Help tells what no flag does.
func (deployStartCmd) Help() string {
	return `The server deploys as the section deploys of its configuration says: one deploy of a target at a time, the others wait.
What it prints comes to the standard output, and the exit code is 0 if it succeeded, 75 if somebody holds the target, and 1 otherwise.
Whoever stops watching (Ctrl-C) stops nothing: tidemark deploy cancel does.`
}

// Run asks for the deploy, and follows it to its end.
func (c *deployStartCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	if c.Version == "" {
		return &exitError{codeUsage, errors.New("--version is missing: which version of " + c.Service + "? To run a command of your own as a deploy, write it behind --, as in: tidemark deploy --service web -- ./deploy.sh")}
	}
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	v, err := to.Deploy(ctx, client.DeployRequest{Service: c.Service, Environment: c.Environment, Version: c.Version, DeploySaying: c.saying()})
	return c.watch(ctx, io, to, v, err)
}

type deployRollbackCmd struct {
	askFlags
	Deploy      string `arg:"" help:"The deploy to take back: the id of any deploy of a target in the log, or a service for its newest."`
	Environment string `aliases:"env" env:"TIDEMARK_ENVIRONMENT" help:"Where, with a service; it may be left out where there is only one."`
}

// Run asks for the rollback, and follows it to its end.
func (c *deployRollbackCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	id := c.Deploy
	if uuid.Validate(id) != nil {
		if id, err = newestDeploy(ctx, to, c.Deploy, c.Environment); err != nil {
			return err
		}
	}
	v, err := to.Rollback(ctx, id, c.saying())
	return c.watch(ctx, io, to, v, err)
}

// newestDeploy returns the id of the newest deploy of a service that has begun. One that
// is itself a rollback is an error: who asks twice does not mean to go back twice.
func newestDeploy(ctx context.Context, to *client.Client, service, environment string) (string, error) {
	query := annotate.List{Filter: annotate.Filter{Kinds: []string{"deploy"}, Services: []string{service}}, Limit: annotate.DefaultPage}
	if environment != "" {
		query.Environments = []string{environment}
	}
	page, err := to.List(ctx, query)
	if err != nil {
		return "", err
	}
	begun := slices.DeleteFunc(page.Changes, func(c annotate.Change) bool { return !deploy.Begun(c) })
	if len(begun) == 0 {
		return "", fmt.Errorf("the log has no deploy of %s that has begun", deploy.ID{Service: service, Environment: cmp.Or(environment, "any environment")})
	}
	newest := begun[0]
	for _, c := range begun {
		if c.Environment != newest.Environment {
			return "", &exitError{codeUsage, fmt.Errorf("%s is deployed to %s and to %s: say which with --environment", service, newest.Environment, c.Environment)}
		}
	}
	if newest.Undoes != "" {
		return "", fmt.Errorf("the newest deploy of %s is a rollback itself, to %s: to go back further, give the id of a deploy; this one is %s", service, newest.Version, newest.ID)
	}
	return newest.ID, nil
}

// watch follows a deploy that was asked for, unless that failed.
func (f askFlags) watch(ctx context.Context, io streams, to *client.Client, v control.View, err error) error {
	switch e, ok := errors.AsType[*client.Error](err); {
	case ok && e.Status == http.StatusLocked:
		return &exitError{codeHeld, err}
	case err != nil:
		return err
	case f.Detach:
		return f.tellDeploy(io, v)
	}
	io.warn(fmt.Sprintf("deploy %s of %s %s", v.ID, v.Target(), v.Version))
	return followDeploy(ctx, io, to, v.ID)
}

// followDeploy shows a deploy until it has ended. Its error says that it did not succeed.
func followDeploy(ctx context.Context, io streams, to *client.Client, id string) error {
	last := ""
	v, err := (&client.DeployFollower{
		Client: to, ID: id, Log: io.Out,
		State: func(v control.View) {
			next := v.Position == 1 && v.Behind == "" && len(v.Obstacles) == 0 // nothing is in its way
			if now := stands(v, time.Now()); now != last && !v.Status.Ended() && !next {
				io.warn(now)
				last = now
			}
		},
		Broken: func(err error, wait time.Duration) {
			io.warn(fmt.Sprintf("%v; connecting again in %s", err, table.Span(wait)))
		},
	}).Run(ctx)
	if err != nil {
		return fmt.Errorf("the deploy %s is not followed any more: %w", id, err)
	}
	if v.Status != annotate.Succeeded {
		return &exitError{codeFailed, fmt.Errorf("%s: %s", v.Status, v.Outcome)}
	}
	io.warn(stands(v, time.Now()))
	return nil
}

// stands says in a line how it stands with a deploy.
func stands(v control.View, now time.Time) string {
	switch {
	case v.Status == annotate.Planned && len(v.Obstacles) > 0:
		return "waits, for it is " + deploy.Describe(v.Obstacles)
	case v.Status == annotate.Planned && v.Behind != "":
		return fmt.Sprintf("waits behind %s, as number %d of the queue", v.Behind, v.Position)
	case v.Status == annotate.Planned:
		return fmt.Sprintf("waits, as number %d of the queue", v.Position)
	case v.Status == annotate.Running:
		text := "running"
		if v.Cancel != nil {
			text += ", and asked by " + v.Cancel.By + " to end"
		}
		if v.Ref.URL != "" {
			text += " at " + v.Ref.URL
		}
		if !v.Expected.IsZero() {
			text += fmt.Sprintf(", should be done at %s", v.Expected.Local().Format("15:04:05"))
			if left := v.Expected.Sub(now); left > 0 {
				text += ", in " + table.Span(left)
			}
		}
		if v.Trouble != "" {
			text += "; " + v.Trouble
		}
		return text
	}
	text := string(v.Status)
	if took := v.Took(); took > 0 {
		text += " after " + table.Span(took)
	}
	if v.Outcome != "" {
		text += ": " + v.Outcome
	}
	return text
}

// tellDeploy writes how it stands with a deploy, on one line.
func (f outputFlag) tellDeploy(io streams, v control.View) error {
	if !f.table(io) {
		return table.JSON(io.Out, v)
	}
	_, err := fmt.Fprintf(io.Out, "%s  %s %s: %s\n", v.ID, v.Target(), table.Clean(v.Version), table.Clean(stands(v, time.Now())))
	return err
}

type deployListCmd struct {
	outputFlag
	Service     string        `help:"Only those of this service."`
	Environment string        `aliases:"env" help:"Only those in this environment."`
	Status      string        `help:"Only those with this status: planned (they wait), running, succeeded, failed, cancelled, lost."`
	Limit       int           `default:"20" help:"How many, newest first."`
	Timeout     time.Duration `default:"10s" help:"How long the server may take to answer."`
}

// Run lists the deploys.
func (c *deployListCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	list, err := to.Deploys(ctx, control.Selection{Service: c.Service, Environment: c.Environment, Status: annotate.Status(c.Status)}, c.Limit)
	if err != nil {
		return err
	}
	if c.table(io) {
		return table.Deploys(io.Out, list)
	}
	for _, v := range list {
		if err := table.JSON(io.Out, v); err != nil {
			return err
		}
	}
	return nil
}

type deployTargetsCmd struct {
	outputFlag
	Timeout time.Duration `default:"10s" help:"How long the server may take to answer."`
}

// Run lists the targets.
func (c *deployTargetsCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	list, err := to.DeployTargets(ctx)
	if err != nil {
		return err
	}
	if c.table(io) {
		return table.DeployTargets(io.Out, list)
	}
	for _, t := range list {
		if err := table.JSON(io.Out, t); err != nil {
			return err
		}
	}
	return nil
}

// oneDeploy names a deploy.
type oneDeploy struct {
	ID      string        `arg:"" help:"The deploy's id, which is that of its change."`
	Timeout time.Duration `default:"10s" help:"How long the server may take to answer."`
}

type deployShowCmd struct {
	outputFlag
	oneDeploy
}

// Run shows the deploy.
func (c *deployShowCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	v, err := to.GetDeploy(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.tellDeploy(io, v)
}

type deployLogCmd struct {
	oneDeploy
	Follow bool `short:"f" help:"Go on until the deploy has ended, and end as it did."`
}

// Run writes the log of the deploy.
func (c *deployLogCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	if c.Follow {
		return followDeploy(ctx, io, to, c.ID)
	}
	return to.DeployLog(ctx, c.ID, io.Out)
}

type deployCancelCmd struct {
	outputFlag
	oneDeploy
	Reason string `short:"m" placeholder:"TEXT" help:"Why, for whoever reads the log."`
	Who    string `env:"TIDEMARK_WHO" help:"Who cancels it, where the token is not theirs."`
}

// Run cancels the deploy.
func (c *deployCancelCmd) Run(ctx context.Context, io streams, parent *deployCmd) error {
	to, err := parent.dial(c.Timeout, io)
	if err != nil {
		return err
	}
	v, err := to.CancelDeploy(ctx, c.ID, c.Reason, c.Who)
	if err != nil {
		return err
	}
	return c.tellDeploy(io, v)
}
