package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxEvent is how long one line, and all the data of one event, may be.
const maxEvent = 4 << 20

var errEventTooLong = errors.New("an event of the stream is longer than 4 MiB")

// sseEvent is one event of a text/event-stream, as the HTML standard has it.
type sseEvent struct {
	// ID is the newest id that the stream gave, also in an earlier event.
	ID string
	// Type is "message" where the stream names none.
	Type string
	Data string
}

// sseReader reads the events of a stream.
type sseReader struct {
	scan *bufio.Scanner
	id   string
	// retry is how long the server wants its clients to wait before they
	// connect again; 0 until it says so.
	retry time.Duration
	first bool
}

func newSSEReader(r io.Reader) *sseReader {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 4096), maxEvent)
	scan.Split(scanEventLine)
	return &sseReader{scan: scan, first: true}
}

// Next returns the next event that has data. It returns io.EOF at the end of
// the stream; an event that the end cut short is left out, as the standard asks.
func (r *sseReader) Next() (sseEvent, error) {
	event := sseEvent{Type: "message"}
	var data strings.Builder
	hasData := false
	for r.scan.Scan() {
		line := r.scan.Text()
		if r.first {
			line = strings.TrimPrefix(line, "\ufeff")
			r.first = false
		}
		if line == "" {
			if hasData {
				event.ID, event.Data = r.id, strings.TrimSuffix(data.String(), "\n")
				return event, nil
			}
			event.Type = "message"
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event.Type = value
		case "data":
			if data.Len()+len(value) >= maxEvent {
				return sseEvent{}, errEventTooLong
			}
			hasData = true
			data.WriteString(value)
			data.WriteByte('\n')
		case "id":
			if !strings.ContainsRune(value, 0) {
				r.id = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				r.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	if err := r.scan.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = errEventTooLong
		}
		return sseEvent{}, err
	}
	return sseEvent{}, io.EOF
}

// scanEventLine is a bufio.SplitFunc for lines that end in LF, CR, or CR LF.
func scanEventLine(data []byte, atEOF bool) (advance int, token []byte, err error) {
	end := bytes.IndexAny(data, "\r\n")
	switch {
	case end < 0 && atEOF:
		return len(data), nil, nil // a line without an end does not count
	case end < 0:
		return 0, nil, nil
	case data[end] == '\n':
		return end + 1, data[:end], nil
	case end+1 < len(data) && data[end+1] == '\n':
		return end + 2, data[:end], nil
	case end+1 < len(data) || atEOF:
		return end + 1, data[:end], nil
	}
	// Whether an LF follows the CR is not known yet. To wait for it would hold
	// back a complete event, but only from servers that end lines with CR alone.
	return 0, nil, nil
}
