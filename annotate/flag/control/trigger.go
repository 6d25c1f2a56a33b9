package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// trigger is what is kept of a kill trigger: enough to know its secret again, and
// not to tell it.
type trigger struct {
	Environment string `json:"environment"`
	Key         string `json:"key"`
	Hash        []byte `json:"hash"` // SHA-256 of the secret

	revision int64
}

// secretBytes is how much chance is in a secret.
const secretBytes = 32

// triggerReason is why a trigger kills, for the reader of the log.
const triggerReason = "Its kill trigger was pulled."

// RenewTrigger gives the flag a kill trigger, in place of one that it may have, and
// returns its secret. That is shown this once: only its hash is kept.
func (c *Control) RenewTrigger(ctx context.Context, id ID, by Author) (secret string, err error) {
	random := make([]byte, secretBytes)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("making a secret: %w", err)
	}
	secret = base64.RawURLEncoding.EncodeToString(random)
	hash := sha256.Sum256([]byte(secret))
	err = c.writeTrigger(ctx, id, by, "renew_trigger", hash[:])
	if err != nil {
		return "", err
	}
	return secret, nil
}

// RemoveTrigger takes the flag's kill trigger away, or returns a NotFound error.
func (c *Control) RemoveTrigger(ctx context.Context, id ID, by Author) error {
	return c.writeTrigger(ctx, id, by, "remove_trigger", nil)
}

// HasTrigger reports whether the flag has a kill trigger.
func (c *Control) HasTrigger(id ID) bool {
	_, ok := (*c.triggers.Load())[id]
	return ok
}

// setTrigger makes t the flag's trigger; nil takes it away.
func (c *Control) setTrigger(id ID, t *trigger) {
	was := *c.triggers.Load()
	if _, had := was[id]; !had && t == nil {
		return
	}
	next := maps.Clone(was)
	if t == nil {
		delete(next, id)
	} else {
		next[id] = *t
	}
	c.triggers.Store(&next)
}

// PullTrigger kills the flag for one who has its secret, and can do nothing else.
// by is how that caller is known. An error never tells which part was wrong.
func (c *Control) PullTrigger(ctx context.Context, id ID, secret, by string) (Written, error) {
	hash, kept := sha256.Sum256([]byte(secret)), (*c.triggers.Load())[id].Hash
	if len(kept) != len(hash) {
		kept = make([]byte, len(hash)) // as long as for one that is there; no secret has this hash
	}
	if subtle.ConstantTimeCompare(hash[:], kept) != 1 {
		return Written{}, &annotate.Error{Code: annotate.NotFound, Message: "there is no such kill trigger"}
	}
	return c.Write(ctx, Request{ID: id, Author: Author{By: by, Reason: triggerReason}}, Do(flag.Action{Kill: &flag.Kill{}}))
}

// writeTrigger keeps a trigger's hash, or takes the trigger away where that is nil,
// with a line in the log: a way to act on the flag came or went.
func (c *Control) writeTrigger(ctx context.Context, id ID, by Author, action string, hash []byte) (err error) {
	defer func() { c.metrics.count(action, Written{Changed: true}, err) }()
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	if err := c.settings.checkAuthor(by, id.Environment); err != nil {
		return err
	}
	_, s, err := c.subject(ctx, Request{ID: id, Author: by}, false)
	if err != nil {
		return err
	}
	t, had := (*c.triggers.Load())[id]
	title := "kill trigger of " + id.Key + " made"
	switch {
	case hash == nil && !had:
		return &annotate.Error{Code: annotate.NotFound, Field: "key", Value: id.Key, Message: fmt.Sprintf("%s has no kill trigger", id)}
	case hash == nil:
		title = "kill trigger of " + id.Key + " removed"
	case had:
		title = "kill trigger of " + id.Key + " renewed"
	}
	t.Environment, t.Key, t.Hash = id.Environment, id.Key, hash
	err = c.transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		line := s.report(step{Move: flag.Move{Flag: s.was}, silent: true, line: annotate.Report{Title: title}})
		told, err := tx.Record(ctx, by.By, line)
		if err != nil {
			return err
		}
		d := annotate.Document{Space: spaceTriggers, Key: id.document(), Revision: t.revision, By: by.By, Change: told.Change.ID}
		if hash != nil {
			if d.Body, err = json.Marshal(t); err != nil {
				return err
			}
		}
		d, err = tx.PutDocument(ctx, d)
		t.revision = d.Revision
		return err
	})
	switch {
	case err != nil:
	case hash == nil:
		c.setTrigger(id, nil)
	default:
		c.setTrigger(id, &t)
	}
	return err
}

// dropTrigger takes the trigger of a flag away that is deleted.
func (c *Control) dropTrigger(ctx context.Context, tx annotate.Tx, s subject) error {
	t, ok := (*c.triggers.Load())[s.id]
	if !ok {
		return nil
	}
	_, err := tx.PutDocument(ctx, annotate.Document{Space: spaceTriggers, Key: s.id.document(), Revision: t.revision, By: s.by.By})
	return err
}

func (c *Control) loadTriggers(ctx context.Context) (map[ID]trigger, error) {
	documents, err := c.log.Documents(ctx, spaceTriggers)
	if err != nil {
		return nil, err
	}
	triggers := make(map[ID]trigger, len(documents))
	for _, d := range documents {
		t := trigger{revision: d.Revision}
		if err := json.Unmarshal(d.Body, &t); err != nil {
			return nil, fmt.Errorf("decoding the kill trigger of %s: %w", strings.Replace(d.Key, "/", " ", 1), err)
		}
		triggers[ID{t.Environment, t.Key}] = t
	}
	return triggers, nil
}
