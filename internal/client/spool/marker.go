package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
)

// Marker stands for a change that has begun and that this process will end. It
// outlives the process: one that is left behind tells the next process that
// looks that the change was lost.
type Marker struct {
	spool *Spool
	name  string
	entry Entry
	// file holds the lock that says that the process lives.
	file *os.File
}

// Begin leaves a marker for the change that e opens. On return it is on disk.
// It returns an ErrFull error past the bounds.
func (s *Spool) Begin(e Entry) (*Marker, error) {
	if err := s.room(); err != nil {
		return nil, err
	}
	e.Process = os.Getpid()
	m := &Marker{spool: s, name: uuid.NewString() + ".json", entry: e}
	if err := m.put(); err != nil {
		return nil, err
	}
	return m, nil
}

// put writes m's entry under m's name, locked before others can see it.
func (m *Marker) put() error {
	file, err := m.spool.writeTemporary(m.entry)
	if err != nil {
		return err
	}
	free, err := tryLock(file)
	if err == nil && !free {
		err = fmt.Errorf("lock %s: somebody else has it", file.Name())
	}
	if err != nil {
		file.Close()
		os.Remove(file.Name())
		return err
	}
	if err := m.spool.publish(file, openDir, m.name); err != nil {
		file.Close()
		return err
	}
	if m.file != nil {
		m.file.Close()
	}
	m.file = file
	return nil
}

// Alive notes that the change still went on at t. Should the process be lost,
// that is when the change was last known to run.
func (m *Marker) Alive(t time.Time) error {
	if err := os.Chtimes(m.spool.path(openDir, m.name), t, t); err != nil {
		return fmt.Errorf("note in the spool that the change goes on: %w", err)
	}
	return nil
}

// End queues the report that ends the change, in the marker's place, and
// returns the name under which it waits to be sent. There is no moment at
// which a crash would lose the end, or leave the change open behind it. After
// an error the marker is still there: see Remove.
func (m *Marker) End(r annotate.Report) (name string, err error) {
	defer m.drop()
	m.entry.Report = r
	// First the marker itself says how the change ended; whoever finds it from
	// here on queues that, as this process is about to.
	if err := m.put(); err != nil {
		return "", err
	}
	name = m.spool.name()
	if err := m.spool.move(openDir, m.name, queueDir, name); err != nil {
		return "", fmt.Errorf("queue the end of the change: %w", err)
	}
	return name, nil
}

// Remove takes the marker away, for a change whose end is known elsewhere.
func (m *Marker) Remove() error {
	defer m.drop()
	if err := os.Remove(m.spool.path(openDir, m.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the marker of a change that ended: %w", err)
	}
	return nil
}

// drop lets go of the lock, and leaves the file.
func (m *Marker) drop() {
	if m.file != nil {
		m.file.Close()
		m.file = nil
	}
}

// reap queues the ends of the changes whose processes are gone. It returns how
// many of them were lost.
func (s *Spool) reap() (lost int, err error) {
	names, err := s.names(openDir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		was, err := s.reapOne(name)
		if err != nil {
			return lost, err
		}
		if was {
			lost++
		}
	}
	return lost, nil
}

func (s *Spool) reapOne(name string) (lost bool, err error) {
	file, err := os.Open(s.path(openDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // ended in the meantime
	}
	if err != nil {
		return false, fmt.Errorf("read from the spool: %w", err)
	}
	defer file.Close()
	free, err := tryLock(file)
	if err != nil || !free {
		return false, err
	}
	// Between opening and locking, the file may have been replaced by one that
	// is locked, or have become an entry of the queue.
	opened, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("read from the spool: %w", err)
	}
	current, err := os.Stat(s.path(openDir, name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(opened, current) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read from the spool: %w", err)
	}
	entry, err := s.read(openDir, name)
	if errors.Is(err, errBroken) {
		return false, s.setAside(openDir, name)
	}
	if err != nil {
		return false, err
	}
	if !entry.Report.Status.Ended() {
		lost = true
		entry.Report = lose(entry, annotate.At(opened.ModTime()))
		if err := s.write(entry, openDir, name); err != nil {
			return false, err
		}
	}
	if err := s.move(openDir, name, queueDir, s.name()); err != nil {
		return false, fmt.Errorf("queue the end of a lost change: %w", err)
	}
	return lost, nil
}

// lose returns the report that ends e's change as one of which nobody knows
// how it ended. It was last known to go on at seen.
func lose(e Entry, seen annotate.Time) annotate.Report {
	r := e.Report
	if seen.Before(r.Start.Time) {
		seen = r.Start
	}
	r.Status, r.End = annotate.Lost, seen
	r.Evidence = append(r.Evidence[:len(r.Evidence):len(r.Evidence)], annotate.Evidence{
		Source: "tidemark spool",
		Time:   seen,
		Text:   fmt.Sprintf("process %d, which was to report the end, is gone; it was last seen then", e.Process),
	})
	return r
}
