// Command tidemark is Tidemark's one binary: the server, and the commands that
// tell it what changed.
package main

import (
	"context"
	"os"

	"github.com/alecthomas/kong"

	"github.com/tidemark/tidemark/internal/quietinit"
)

type cli struct {
	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Change     changeCmd     `cmd:"" help:"Record, read and follow changes."`
	Deploy     deployCmd     `cmd:"" help:"Deploy a service, or run a command of your own as a deploy; see, cancel and roll back deploys."`
	Hook       hookCmd       `cmd:"" help:"See what became of what other tools sent, and have it read again."`
	Hold       holdCmd       `cmd:"" help:"Hold deploys for a while, see who does, and release them."`
	Flag       flagCmd       `cmd:"" help:"Feature flags: read them, flip them, bring them and take them along."`
	Dashboards dashboardsCmd `cmd:"" help:"Grafana dashboards: list them, and write them to a folder."`
	Token      tokenCmd      `cmd:"" help:"Make, list and revoke tokens, in the server's storage folder."`
	Check      checkCmd      `cmd:"" help:"Check files before they are used."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Supervise  superviseCmd  `cmd:"" name:"supervise-deploy" hidden:"" help:"Run the command of one deploy for the server."`
}

func main() {
	quietinit.Done()
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, io streams) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("tidemark"),
		kong.Description("A metrics server that knows what changed."),
		kong.Writers(io.Out, io.Err),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io),
	)
	if err != nil {
		return exitCode(err, io)
	}
	command, err := parser.Parse(wrapped(args))
	if err != nil {
		return exitCode(&exitError{codeUsage, hint(args, err)}, io)
	}
	return exitCode(command.Run(), io)
}
