package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The folders of a spool.
const (
	queueDir   = "queue"   // what waits to be sent, named in order of time
	openDir    = "open"    // what has begun, each held by the process that will end it
	refusedDir = "refused" // what a server did not take
	brokenDir  = "broken"  // what is no report
)

// The bounds of a spool. Past them it takes nothing new.
const (
	MaxFiles = 10_000
	MaxBytes = 64 << 20
)

// ErrFull is the error of a spool that has reached its bounds.
var ErrFull = errors.New("the spool is full")

// Spool is a folder of reports, which several processes may share.
type Spool struct {
	dir      string
	maxFiles int
	maxBytes int64
	now      func() time.Time
}

// Open returns the spool in dir, and makes it where there is none. It returns
// an error for a folder that others may write to: whoever can put files there
// can report changes in this user's name.
func Open(dir string) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	if err := checkOwner(dir); err != nil {
		return nil, err
	}
	for _, sub := range []string{queueDir, openDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make the spool: %w", err)
		}
	}
	return &Spool{dir: dir, maxFiles: MaxFiles, maxBytes: MaxBytes, now: time.Now}, nil
}

// Dir returns the spool's folder.
func (s *Spool) Dir() string { return s.dir }

func (s *Spool) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Put keeps e until it is sent, and returns the name under which it waits. On
// return it is on disk. It returns an error that is ErrFull past the bounds.
func (s *Spool) Put(e Entry) (name string, err error) {
	if err := s.room(); err != nil {
		return "", err
	}
	e.Process = os.Getpid()
	name = s.name()
	if err := s.write(e, queueDir, name); err != nil {
		return "", err
	}
	return name, nil
}

// Remove takes an entry out of the queue, as one that was sent.
func (s *Spool) Remove(name string) error {
	if err := os.Remove(s.path(queueDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a sent report from the spool: %w", err)
	}
	return nil
}

// Waiting returns how many reports wait to be sent, to whichever server.
func (s *Spool) Waiting() (int, error) {
	names, err := s.names(queueDir)
	return len(names), err
}

// name returns a new file name. Names sort in the order of time; the UUID
// keeps apart what two processes write in the same nanosecond.
func (s *Spool) name() string {
	return fmt.Sprintf("%020d-%s.json", s.now().UnixNano(), uuid.NewString())
}

// room returns an ErrFull if there is no place for one more report.
func (s *Spool) room() error {
	files, bytes := 0, int64(0)
	for _, sub := range []string{queueDir, openDir} {
		entries, err := os.ReadDir(s.path(sub))
		if err != nil {
			return fmt.Errorf("look into the spool: %w", err)
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil {
				continue // sent in the meantime
			}
			files++
			bytes += info.Size()
		}
	}
	if files >= s.maxFiles || bytes >= s.maxBytes {
		return fmt.Errorf("%w: %d reports and %d bytes wait in %s, and at most %d and %d may; send them with tidemark change flush, or delete them",
			ErrFull, files, bytes, s.dir, s.maxFiles, s.maxBytes)
	}
	return nil
}

// names returns the entries of a folder of the spool, in order; none where
// there is no such folder.
func (s *Spool) names(sub string) ([]string, error) {
	entries, err := os.ReadDir(s.path(sub))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look into the spool: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".json") {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// write puts e under its name in one step: after a crash at any moment there
// is the whole file or none.
func (s *Spool) write(e Entry, sub, name string) error {
	file, err := s.writeTemporary(e)
	if err != nil {
		return err
	}
	defer file.Close()
	return s.publish(file, sub, name)
}

// writeTemporary writes e to a synced file that no reader looks at yet.
func (s *Spool) writeTemporary(e Entry) (*os.File, error) {
	b, err := e.encode()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(s.dir, "*"+temporary) // mode 0600
	if err != nil {
		return nil, fmt.Errorf("write to the spool: %w", err)
	}
	_, err = file.Write(b)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		file.Close()
		os.Remove(file.Name())
		return nil, fmt.Errorf("write to the spool: %w", err)
	}
	return file, nil
}

// publish gives a temporary file its place and name.
func (s *Spool) publish(file *os.File, sub, name string) error {
	if err := os.Rename(file.Name(), s.path(sub, name)); err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("write to the spool: %w", err)
	}
	return syncDir(s.path(sub))
}

// temporary ends the names of files that are not written to their end.
const temporary = ".tmp"

// sweep deletes what crashes left behind half written.
func (s *Spool) sweep() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasSuffix(entry.Name(), temporary) && s.now().Sub(info.ModTime()) > time.Hour {
			os.Remove(s.path(entry.Name()))
		}
	}
}

// read returns the entry in a file of the spool. The error is fs.ErrNotExist
// for one that is gone, and errBroken for one that is no report.
func (s *Spool) read(sub, name string) (Entry, error) {
	file, err := os.Open(s.path(sub, name))
	if err != nil {
		return Entry{}, fmt.Errorf("read from the spool: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxEntry+1))
	if err != nil {
		return Entry{}, fmt.Errorf("read from the spool: %w", err)
	}
	e, err := decode(b)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", errBroken, err)
	}
	return e, nil
}

var errBroken = errors.New("not a report")

// setAside moves a file out of the way of those that can be sent.
func (s *Spool) setAside(sub, name string) error {
	if err := s.move(sub, name, brokenDir, name); err != nil {
		return fmt.Errorf("set a broken report aside: %w", err)
	}
	return nil
}

func (s *Spool) move(fromSub, from, toSub, to string) error {
	if err := os.MkdirAll(s.path(toSub), 0o700); err != nil {
		return err
	}
	if err := os.Rename(s.path(fromSub, from), s.path(toSub, to)); err != nil {
		return err
	}
	return errors.Join(syncDir(s.path(toSub)), syncDir(s.path(fromSub)))
}

// syncDir makes the names in a folder as durable as the files they name.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the spool: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync the spool: %w", err)
	}
	return nil
}
