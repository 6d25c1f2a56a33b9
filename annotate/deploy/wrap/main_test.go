package wrap

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestMain gives the tests their usual signals also where they run in the
// background or under nohup, and so would have them ignored.
func TestMain(m *testing.M) {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	os.Exit(m.Run())
}
