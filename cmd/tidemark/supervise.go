package main

import "github.com/tidemark/tidemark/annotate/deploy/supervise"

// superviseCmd is what the server starts for each deploy that runs a command. It is
// for nobody else: what to run comes through a pipe.
type superviseCmd struct{}

// Run runs one command, and says in its folder how that ended.
func (superviseCmd) Run(io streams) error { return supervise.Run(io.In, io.Out) }
