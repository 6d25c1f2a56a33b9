// Package deploy is the domain of deploys: targets, runs, holds and freezes, and
// the rules that say when a run may begin and what a rollback goes back to. It does
// no I/O.
//
// Its folders do: control keeps the holds, runlog what a run prints, and wrap is a
// command that somebody runs elsewhere, and that is recorded.
package deploy
