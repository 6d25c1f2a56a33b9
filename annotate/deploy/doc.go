// Package deploy is the domain of deploys: what is deployed and where, and the holds
// that keep a deploy from beginning. It does no I/O.
//
// Its folders do: control keeps the holds, and wrap is a command that somebody runs
// elsewhere, and that is recorded.
package deploy
