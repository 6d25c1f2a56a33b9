package flagfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
)

// content is a file as it was read.
type content struct {
	path     string
	data     []byte
	sum      [sha256.Size]byte
	modified time.Time
	flags    map[string]flag.Definition
	// err is why it is refused.
	err error
}

// readFile reads a file, and leaves what it defines to parse.
func readFile(path string) content {
	c := content{path: path}
	if c.data, c.modified, c.err = bounded(path); c.err == nil {
		c.sum = sha256.Sum256(c.data)
	}
	return c
}

// parse finds the flags of a file that was read. Its error names what is wrong with
// the line where that is known.
func (c *content) parse() {
	if c.err != nil {
		return
	}
	path := c.path
	format, ok := flag.FormatOf(path)
	switch {
	case !ok:
		c.err = fmt.Errorf("%s: the name must end in .yaml, .yml, .json or .toml", path)
	case len(bytes.TrimSpace(c.data)) == 0:
		// What was cut off while it was written looks like this.
		c.err = fmt.Errorf("%s: is empty; write {} to say that there are no flags", path)
	default:
		flags, err := flag.ParseFile(c.data, format)
		if err != nil {
			c.err = locate(path, c.data, format, err)
			return
		}
		c.flags = flags
	}
}

// bounded reads a file, and when it was written last.
func bounded(path string) ([]byte, time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, flag.MaxFile+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := f.Stat() // after the reading, so that it tells of what was written meanwhile
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(data) > flag.MaxFile {
		return nil, info.ModTime(), fmt.Errorf("%s: is longer than %d bytes, the most that a file of flags may have: divide it", path, flag.MaxFile)
	}
	return data, info.ModTime(), nil
}

// locate gives each of the errors of a file the form file:line: path: message.
func locate(path string, data []byte, format flag.Format, err error) error {
	problems := flag.Problems(err)
	if len(problems) == 0 {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines := newLines(data, format)
	errs := make([]error, len(problems))
	for i, p := range problems {
		if line := lines.of(p.Field); line > 0 {
			errs[i] = fmt.Errorf("%s:%d: %w", path, line, p)
		} else {
			errs[i] = fmt.Errorf("%s: %w", path, p)
		}
	}
	return errors.Join(errs...)
}
