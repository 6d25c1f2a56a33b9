package wrap

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// signals are what the process is told while a deploy runs.
type signals struct {
	caught chan os.Signal
	broken chan os.Signal
}

// catchSignals takes over the signals that are for the command. Signals that
// this process was started to ignore, as by nohup, it leaves alone: so they
// stay ignored in the command too.
func catchSignals() *signals {
	s := &signals{caught: make(chan os.Signal, 16), broken: make(chan os.Signal, 1)}
	for _, sig := range []os.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
	} {
		if !signal.Ignored(sig) {
			signal.Notify(s.caught, sig)
		}
	}
	// A reader of our output that went away must not end the process before it
	// reported the end; unlike an ignored signal, a caught one is not passed on
	// to the command.
	signal.Notify(s.broken, syscall.SIGPIPE)
	return s
}

func (s *signals) release() {
	signal.Stop(s.caught)
	signal.Stop(s.broken)
}

// stopping returns the last signal that asked to stop among those that wait to
// be read, and reads them; last where there is none.
func (s *signals) stopping(last syscall.Signal) syscall.Signal {
	for {
		select {
		case sig := <-s.caught:
			if asksToStop(sig) {
				last, _ = sig.(syscall.Signal)
			}
		default:
			return last
		}
	}
}

func asksToStop(sig os.Signal) bool {
	return sig != syscall.SIGUSR1 && sig != syscall.SIGUSR2
}

// cameToBoth reports whether the command got sig by itself: what the keyboard
// sends goes to all processes in the terminal's foreground. That somebody sent
// it to this process alone, while it is there, cannot be told from it; SIGTERM
// always gets through.
func cameToBoth(sig os.Signal) bool {
	if sig != syscall.SIGINT && sig != syscall.SIGQUIT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // no terminal
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}
