// Package deploy is the domain of deploys that Tidemark carries out: targets,
// runs, holds and freezes, and the rules that say when a run may begin and what
// a rollback goes back to. It does no I/O.
//
// Its folders do: driver begins, follows and cancels runs, runlog keeps what they
// print, supervise runs a local command that outlives the server, control is the
// queue in front of it all, and wrap is the other way round: a command that
// somebody runs elsewhere, and that is recorded.
package deploy
