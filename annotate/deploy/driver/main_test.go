package driver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemark/tidemark/annotate/deploy/driver"
	"github.com/tidemark/tidemark/annotate/deploy/supervise"
)

// What this binary is where it is started again, by its first argument.
const (
	asSupervisor = "supervise-deploy"
	asServer     = "begin-and-be-killed"
)

// TestMain has the test's own binary be the supervisor, and a server that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case asSupervisor:
			if err := supervise.Run(os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case asServer:
			beginAndBeKilled()
		}
	}
	goleak.VerifyTestMain(m)
}

// order is what a server that is killed begins.
type order struct {
	Command driver.Command
	Job     driver.Job
}

func beginAndBeKilled() {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		panic(err)
	}
	if _, err := o.Command.Begin(context.Background(), o.Job); err != nil {
		panic(err)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
