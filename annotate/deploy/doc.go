// Package deploy is the domain of deploys: targets, runs, holds and freezes, and
// the rules that say when a run may begin and what a rollback goes back to. It does
// no I/O.
//
// Its folders do: control keeps the queue and the holds and follows what runs, driver
// has what carries a run out, runlog keeps what it prints, and wrap is a command that
// somebody runs elsewhere, and that is recorded.
package deploy
