package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tidemark/tidemark/annotate"
)

// Sender sends reports to one server.
type Sender interface {
	// Server is the server's base URL, spelled as in the entries for it.
	Server() string
	// Send delivers a report. It is safe to send the same one again.
	Send(ctx context.Context, r annotate.Report) error
	// Refused tells a report that the server can never take from one that it
	// may take later, by Send's error.
	Refused(err error) bool
}

// Flushed says what a Flush did.
type Flushed struct {
	// Sent is how many reports the server took.
	Sent int
	// Lost is how many changes had been left without an end by a process that
	// is gone. Their ends were queued, and count again once they are sent.
	Lost int
	// Waiting is how many reports for this server are still to be sent.
	Waiting int
	// Problems are the reports that were set aside, one sentence each.
	Problems []string
}

// ErrBusy is the error of a Flush while another process sends.
var ErrBusy = errors.New("another process is sending the spooled reports")

// Flush sends what waits for to's server, in order, and first takes in what
// processes left open that are gone. It stops at the first report that cannot
// be delivered now, with the error of it, and between two once ctx is done; what
// was refused is set aside. It returns ErrBusy at once while another process sends.
func (s *Spool) Flush(ctx context.Context, to Sender) (Flushed, error) {
	var done Flushed
	lock, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return done, fmt.Errorf("lock the spool: %w", err)
	}
	defer lock.Close()
	free, err := tryLock(lock)
	if err != nil {
		return done, err
	}
	if !free {
		return done, ErrBusy
	}
	s.sweep()
	done.Lost, err = s.reap()
	if err != nil {
		return done, err
	}
	names, err := s.names(queueDir)
	if err != nil {
		return done, err
	}
	var stopped error
	for _, name := range names {
		entry, err := s.read(queueDir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // its own process sent it
		case errors.Is(err, errBroken):
			done.Problems = append(done.Problems, fmt.Sprintf("%s is no report (%v); it was moved to %s", name, err, s.path(brokenDir)))
			if err := s.setAside(queueDir, name); err != nil {
				return done, err
			}
			continue
		case err != nil:
			return done, err
		case entry.Server != to.Server():
			continue
		case stopped != nil:
			done.Waiting++
			continue
		case ctx.Err() != nil:
			stopped = ctx.Err()
			done.Waiting++
			continue
		}
		switch err := to.Send(ctx, entry.Report); {
		case err == nil:
			if err := s.Remove(name); err != nil {
				return done, err
			}
			done.Sent++
		case to.Refused(err):
			switch keepErr := s.refuse(name, entry, err); {
			case errors.Is(keepErr, ErrFull):
				done.Problems = append(done.Problems, fmt.Sprintf("%v; %v", err, keepErr))
				done.Waiting++
				continue
			case keepErr != nil:
				return done, keepErr
			}
			done.Problems = append(done.Problems, fmt.Sprintf("%v; the report was moved to %s", err, s.path(refusedDir, name)))
		default:
			stopped = err
			done.Waiting++
		}
	}
	return done, stopped
}

// refuse sets an entry of the queue aside, as one that its server refused for
// the reason given. It returns an ErrFull error where too many were refused
// already: then the entry stays where it is.
func (s *Spool) refuse(name string, e Entry, reason error) error {
	refused, err := s.names(refusedDir)
	if err != nil {
		return err
	}
	if len(refused) >= s.maxFiles {
		return fmt.Errorf("%w: %d refused reports are in %s; look at them and delete them", ErrFull, len(refused), s.path(refusedDir))
	}
	if err := os.MkdirAll(s.path(refusedDir), 0o700); err != nil {
		return fmt.Errorf("set a refused report aside: %w", err)
	}
	e.Refused = &Refusal{Time: s.now().UTC(), Reason: reason.Error()}
	if err := s.write(e, refusedDir, name); err != nil {
		return err
	}
	return s.Remove(name)
}

// PutRefused keeps a report that its server refused and that was never queued.
// It returns the path of the file.
func (s *Spool) PutRefused(e Entry, reason error) (string, error) {
	name := s.name()
	if err := s.refuse(name, e, reason); err != nil {
		return "", err
	}
	return s.path(refusedDir, name), nil
}
