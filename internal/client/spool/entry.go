package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// maxEntry is how long one file of the spool may be, in bytes. It is above what
// a server takes, and keeps a foreign file from filling the memory.
const maxEntry = 1 << 20

// Entry is one report on its way to a server.
type Entry struct {
	// Server is the base URL of the only server that the report is for.
	Server string          `json:"server"`
	Report annotate.Report `json:"report"`
	// Process is the id of the process that wrote it, for a person who looks.
	Process int `json:"process,omitempty"`
	// Refused is the server's answer, in a report that it did not take.
	Refused *Refusal `json:"refused,omitempty"`
}

// Refusal says why a server did not take a report.
type Refusal struct {
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
}

func (e Entry) encode() ([]byte, error) {
	if e.Server == "" {
		return nil, errors.New("a report without a server cannot be spooled")
	}
	if e.Report.Source == "" || e.Report.ExternalID == "" {
		return nil, errors.New("a report without source and external_id cannot be spooled: sent twice it would be two changes")
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	if len(b) >= maxEntry {
		return nil, fmt.Errorf("the report has %d bytes; at most %d can be spooled", len(b), maxEntry)
	}
	return append(b, '\n'), nil
}

// decode reads what encode wrote. It returns an error for anything else, also
// for a file that was cut short.
func decode(b []byte) (Entry, error) {
	var e Entry
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("read a spooled report: %w", err)
	}
	if dec.More() {
		return Entry{}, errors.New("read a spooled report: something follows it")
	}
	if e.Server == "" || e.Report.Source == "" || e.Report.ExternalID == "" {
		return Entry{}, errors.New("read a spooled report: its server, source or external_id is missing")
	}
	return e, nil
}
