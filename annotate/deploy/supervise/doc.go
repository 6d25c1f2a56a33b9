// Package supervise is the process that stands between the server and the command of
// one deploy, so that the command goes on, and its end is known, while the server is
// restarted or gone. The two tell each other things by files in the run's folder:
//
//	lock         locked for as long as the supervisor lives
//	claim        made once: by the supervisor, and then the command may run, or by the
//	             server, and then it never will
//	cancel       made by the server: the command is to end
//	status.json  how the command ended, the last that the supervisor writes
//
// What is secret is in none of them: it comes through a pipe, and goes into the
// command's environment. A supervisor begins its command at most once, never answers
// for more than one, and never goes on when its command has ended.
package supervise
