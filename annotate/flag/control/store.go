package control

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// The spaces of the documents that are kept.
const (
	// spaceFlags has the flags by environment and key: "production/new-checkout".
	spaceFlags = "flag"
	// spaceTriggers has the hashes of the kill triggers, by the same keys.
	spaceTriggers = "flag-trigger"
	// spaceClock has how far the scheduler has come, in one document.
	spaceClock = "flag-clock"
)

// Log is what the controls need of the change log. Its methods may be called at
// the same time.
type Log interface {
	// Transact calls do once, and returns nil when what it did is durable. What it
	// did is kept whole or, when Transact returns an error, not at all.
	Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error
	// Documents returns the newest revision of each document that is not deleted.
	Documents(ctx context.Context, space string) ([]annotate.Document, error)
	// DocumentRevisions returns up to limit revisions, newest first: those before
	// the one numbered before, or the newest where that is 0.
	DocumentRevisions(ctx context.Context, space, key string, before int64, limit int) ([]annotate.Document, error)
}

// ID names a flag.
type ID struct {
	Environment string
	Key         string
}

// document is the key of the flag's documents. No environment has a slash in its name.
func (id ID) document() string { return id.Environment + "/" + id.Key }

func (id ID) String() string { return id.Key + " in " + id.Environment }

// idOf is the ID of the flag that f is.
func idOf(f flag.Flag) ID { return ID{Environment: f.Environment, Key: f.Key} }

// kept is a flag as its document has it.
type kept struct {
	flag.Flag
	// AsOf is until when what the definition does by itself was recorded.
	AsOf annotate.Time `json:"as_of"`
}

// encode returns the body of a flag's document. What the document itself says is left out.
func encode(f flag.Flag, asOf time.Time) ([]byte, error) {
	f.Revision, f.Updated, f.By, f.Change = 0, annotate.Time{}, "", ""
	body, err := json.Marshal(kept{f, annotate.At(asOf)})
	if err != nil {
		return nil, fmt.Errorf("encoding the flag %s: %w", f.Key, err)
	}
	if len(body) > annotate.MaxDocument {
		return nil, &annotate.Error{Code: annotate.Invalid, Message: fmt.Sprintf(
			"the flag would be %d bytes long as JSON; at most %d are kept: shorten the lists in its targeting", len(body), annotate.MaxDocument)}
	}
	return body, nil
}

// decode returns the flag that a document holds, and its AsOf.
func decode(d annotate.Document) (flag.Flag, time.Time, error) {
	var k kept
	if err := json.Unmarshal(d.Body, &k); err != nil {
		return flag.Flag{}, time.Time{}, fmt.Errorf("decoding the flag %s: %w", d.Key, err)
	}
	k.Revision, k.Updated, k.By, k.Change = d.Revision, d.Time, d.By, d.Change
	return k.Flag, k.AsOf.Time, nil
}
