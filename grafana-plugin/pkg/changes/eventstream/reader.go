// Package eventstream reads server-sent events as the HTML standard defines
// them (https://html.spec.whatwg.org/multipage/server-sent-events.html). It
// never holds more than one event, and no event that is too long.
package eventstream

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
)

// The bounds of what is held.
const (
	// MaxData is how long the data of an event may be, in bytes; the data of a
	// longer one is left out.
	MaxData = 1 << 20
	// maxField bounds an event's id and type. Longer ones are ignored.
	maxField = 1 << 10
	chunk    = 4 << 10
)

// Event is one event of a stream.
type Event struct {
	// ID is where the stream can be resumed behind; empty where the server
	// never gave one.
	ID string
	// Type is message where the server gave none.
	Type string
	Data []byte // valid until the next event is read
	// Cut says that the data was too long, and is left out.
	Cut bool
}

// Sequence returns the id as a number; 0 where it is none.
func (e Event) Sequence() int64 {
	n, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Reader reads events from a stream.
type Reader struct {
	r       *bufio.Reader
	started bool
	afterCR bool // a line feed that follows is part of the line's end
	lastID  string
	line    []byte
	data    []byte
}

// NewReader returns a Reader of r, which need not be buffered.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, chunk)}
}

// Next returns the next event that has data. It returns io.EOF at the end of
// the stream; an event that the end cut off is left out.
func (r *Reader) Next() (Event, error) {
	event, hasData := Event{}, false
	r.data = r.data[:0]
	for {
		long, err := r.readLine()
		if err != nil {
			return Event{}, err
		}
		if len(r.line) == 0 && !long {
			if !hasData {
				event = Event{}
				continue
			}
			event.ID = r.lastID
			if event.Type == "" {
				event.Type = "message"
			}
			if !event.Cut {
				event.Data = bytes.TrimSuffix(r.data, []byte("\n"))
			}
			return event, nil
		}
		name, value := split(r.line)
		switch name {
		case "data":
			hasData = true
			if long || event.Cut || len(r.data)+len(value) > MaxData {
				event.Cut, r.data = true, r.data[:0]
				continue
			}
			r.data = append(append(r.data, value...), '\n')
		case "event":
			if !long && len(value) <= maxField {
				event.Type = string(value)
			}
		case "id":
			if !long && len(value) <= maxField && bytes.IndexByte(value, 0) < 0 {
				r.lastID = string(value)
			}
		}
	}
}

// split returns a line's field name and value; an empty name for a comment.
func split(line []byte) (name string, value []byte) {
	before, value, _ := bytes.Cut(line, []byte(":"))
	return string(before), bytes.TrimPrefix(value, []byte(" "))
}

// byteOrderMark may stand before the first line, and is not part of it.
const byteOrderMark = "\ufeff"

// readLine reads a line without its end, which is a line feed, a carriage
// return, or both. Of a line that is too long it keeps the beginning, and says
// so.
func (r *Reader) readLine() (long bool, err error) {
	r.line = r.line[:0]
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return false, err
		}
		if r.afterCR && b == '\n' {
			r.afterCR = false
			continue
		}
		r.afterCR = b == '\r'
		if b == '\n' || b == '\r' {
			if !r.started {
				r.started = true
				r.line = bytes.TrimPrefix(r.line, []byte(byteOrderMark))
			}
			return long, nil
		}
		if len(r.line) > MaxData+len("data: ") {
			long = true
			continue
		}
		r.line = append(r.line, b)
	}
}
