package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "tidemark" { // and is not the command itself
		heedSignals()
	}
	testscript.Main(m, map[string]func(){"tidemark": main})
}

// heedSignals gives the commands of the tests their usual signals also where the
// tests run in the background or under nohup, and so would have them ignored.
func heedSignals() {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

// TestScript runs the command line as people do. The server of these scripts is
// a stand-in that can be made to fail; see logServer.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TIDEMARK_SPOOL", filepath.Join(env.WorkDir, "spool"))
			env.Setenv("TZ", "UTC")
			// Neither the machine's CI nor its git may show in the results.
			env.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(env.WorkDir))
			env.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
			env.Setenv("USER", "ada")
			// With the race detector each process would end a second late.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			newLogServer(env)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":  serverCmd,
			"reports": reportsCmd,
			"waitfor": waitForCmd,
		},
	})
}

// waitForCmd waits until a file exists: waitfor FILE.
func waitForCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("%s did not appear", args[0])
}
