package runlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"unicode/utf8"
)

const (
	// DefaultMax is how long a log may get where nobody says it, in bytes.
	DefaultMax = 10 << 20
	// tailBytes is how much of the end is kept of one that gets longer.
	tailBytes = 64 << 10
)

// File is the log of one run.
type File struct {
	Path string `json:"path"`
	// Max is how many bytes of its beginning are kept; DefaultMax where it is 0.
	Max int64 `json:"max"`
}

// Append opens the log to write at its end, and makes it where it is not there. There
// must be one Writer at a time.
func (f File) Append(secrets ...string) (*Writer, error) {
	file, err := os.OpenFile(f.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of a deploy: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the log of a deploy: %w", err), file.Close())
	}
	most := f.Max
	if most <= 0 {
		most = DefaultMax
	}
	w := &Writer{file: file, left: max(0, most-info.Size())}
	w.masker.add(secrets...)
	return w, nil
}

// Size is how long the log is so far; 0 where it is not there.
func (f File) Size() int64 {
	info, err := os.Stat(f.Path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Read returns up to most bytes from the offset on, with no character cut in two. An
// offset that is not in the log has nothing, and a log that is not there neither.
func (f File) Read(offset int64, most int) ([]byte, error) {
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log of a deploy: %w", err)
	}
	defer file.Close()
	text := make([]byte, most)
	n, err := file.ReadAt(text, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the log of a deploy: %w", err)
	}
	return whole(text[:n]), nil
}

// whole is text without the character at its end that is not whole.
func whole(text []byte) []byte {
	for back := 1; back <= min(utf8.UTFMax, len(text)); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return text[:at]
			}
			break
		}
	}
	return text
}

// Writer writes a log: its beginning at once, and what is too much for it, as far as
// it is the end, when it is closed. Its methods may be called at the same time.
type Writer struct {
	mu      sync.Mutex
	cleaner cleaner
	masker  masker
	file    *os.File
	err     error
	left    int64  // how much of the beginning may still be written
	tail    []byte // the end of what was too much, up to twice tailBytes
	dropped int64  // how much of that is gone
	open    bool   // the last line written has no end yet
}

// Write implements io.Writer. It never fails: a deploy goes on without its log.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(w.masker.mask(nil, w.cleaner.clean(nil, p)))
	return len(p), nil
}

// Printf writes a line.
func (w *Writer) Printf(format string, args ...any) {
	fmt.Fprintf(w, format+"\n", args...)
}

// Mask has more secrets masked from now on.
func (w *Writer) Mask(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.masker.add(secrets...)
}

// put writes clean text, or keeps it as the end.
func (w *Writer) put(text []byte) {
	if int64(len(text)) <= w.left {
		w.write(text)
		return
	}
	head := whole(text[:w.left])
	w.write(head)
	w.left = 0
	w.tail = append(w.tail, text[len(head):]...)
	if over := len(w.tail) - tailBytes; over > tailBytes {
		w.dropped += int64(over)
		w.tail = append([]byte(nil), w.tail[over:]...)
	}
}

func (w *Writer) write(text []byte) {
	if len(text) == 0 {
		return
	}
	n, err := w.file.Write(text)
	w.left -= int64(n)
	w.open = text[len(text)-1] != '\n'
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("writing the log of a deploy: %w", err)
	}
}

// Close writes what is still kept back, and returns the first error of writing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(w.masker.rest(w.masker.mask(nil, w.cleaner.rest(nil))))
	if over := len(w.tail) - tailBytes; over > 0 {
		w.dropped += int64(over)
		w.tail = w.tail[over:]
	}
	for w.dropped > 0 && len(w.tail) > 0 && !utf8.RuneStart(w.tail[0]) {
		w.dropped++
		w.tail = w.tail[1:]
	}
	if w.dropped > 0 {
		if w.open {
			w.write([]byte("\n"))
		}
		w.write(fmt.Appendf(nil, "… %d bytes left out …\n", w.dropped))
	}
	w.write(w.tail)
	w.tail = nil
	return errors.Join(w.err, w.file.Close())
}
