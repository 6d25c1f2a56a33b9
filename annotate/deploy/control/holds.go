package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// spaceHolds has the holds that have not ended, by their ids.
const spaceHolds = "hold"

// MaxHolds is how many holds there may be at the same time.
const MaxHolds = 200

// keptHold is a hold as its document has it.
type keptHold struct {
	deploy.Hold
	ExternalID string `json:"external_id"`
	revision   int64
}

// loadHolds reads the holds from the log.
func (c *Control) loadHolds(ctx context.Context) error {
	documents, err := c.log.Documents(ctx, spaceHolds)
	if err != nil {
		return fmt.Errorf("reading the holds: %w", err)
	}
	list := make([]keptHold, len(documents))
	for i, d := range documents {
		if err := json.Unmarshal(d.Body, &list[i]); err != nil {
			return fmt.Errorf("decoding the hold %s: %w", d.Key, err)
		}
		list[i].ID, list[i].revision = d.Key, d.Revision
	}
	c.publishHolds(list)
	return nil
}

func (c *Control) publishHolds(list []keptHold) {
	slices.SortFunc(list, func(a, b keptHold) int { return strings.Compare(a.ID, b.ID) }) // a UUIDv7 begins with its time
	c.holds.Store(&list)
}

// Holds returns those that hold, oldest first.
func (c *Control) Holds() []deploy.Hold {
	list, now := []deploy.Hold{}, c.now()
	for _, k := range *c.holds.Load() {
		if k.Until.After(now) {
			list = append(list, k.Hold)
		}
	}
	return list
}

// Obstacles returns what keeps a deploy of the target from beginning. It reads
// memory alone, and never waits.
func (c *Control) Obstacles(id deploy.ID) []deploy.Obstacle {
	return deploy.Obstacles(id, c.now(), false, c.Holds(), c.settings.Load().Freezes)
}

// Hold makes a hold. Its errors are *annotate.Error: Invalid names the field, TooMany
// says that there are MaxHolds, Unavailable asks to try again.
func (c *Control) Hold(ctx context.Context, r HoldRequest) (deploy.Hold, error) {
	now := annotate.At(c.now())
	if err := r.check(now.Time); err != nil {
		return deploy.Hold{}, err
	}
	unique, err := uuid.NewV7()
	if err != nil {
		return deploy.Hold{}, fmt.Errorf("making an id: %w", err)
	}
	if err := c.lock(ctx); err != nil {
		return deploy.Hold{}, err
	}
	defer c.unlock()
	list := *c.holds.Load()
	if len(list) >= MaxHolds {
		return deploy.Hold{}, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("there are %d holds already, the most there may be: release some", len(list))}
	}
	k := keptHold{ExternalID: "hold/" + unique.String(), Hold: deploy.Hold{
		Service: r.Service, Environment: r.Environment, Owner: r.owner(), Reason: r.Reason, Since: now, Until: annotate.At(r.Until),
	}}
	err = c.transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		told, err := tx.Record(ctx, r.By, k.opened())
		if err != nil {
			return err
		}
		k.ID = told.Change.ID
		body, err := json.Marshal(k)
		if err != nil {
			return fmt.Errorf("encoding a hold: %w", err)
		}
		d, err := tx.PutDocument(ctx, annotate.Document{Space: spaceHolds, Key: k.ID, By: r.By, Change: k.ID, Body: body})
		k.revision = d.Revision
		return err
	})
	if err != nil {
		return deploy.Hold{}, err
	}
	c.publishHolds(append(slices.Clone(list), k))
	return k.Hold, nil
}

// GetHold returns a hold that has not ended, or a NotFound error.
func (c *Control) GetHold(id string) (deploy.Hold, error) {
	k, err := c.findHold(id)
	return k.Hold, err
}

func (c *Control) findHold(id string) (keptHold, error) {
	for _, k := range *c.holds.Load() {
		if strings.EqualFold(k.ID, id) {
			return k, nil
		}
	}
	return keptHold{}, &annotate.Error{Code: annotate.NotFound, Field: "id", Value: id, Message: "there is no hold with this id, or it has ended"}
}

// Release ends a hold now, and returns it as it ended. A hold that is not there is a
// NotFound error.
func (c *Control) Release(ctx context.Context, id string, by Author) (deploy.Hold, error) {
	if err := by.check(); err != nil {
		return deploy.Hold{}, err
	}
	if err := c.lock(ctx); err != nil {
		return deploy.Hold{}, err
	}
	defer c.unlock()
	k, err := c.findHold(id)
	if err != nil {
		return deploy.Hold{}, err
	}
	now := annotate.At(c.now())
	text := "Released by " + by.name() + "."
	if by.Reason != "" {
		text += " " + by.Reason
	}
	return c.endHold(ctx, k, by.By, now, text)
}

// endHold keeps that k ended at a time. Whoever calls it holds writing.
func (c *Control) endHold(ctx context.Context, k keptHold, by string, at annotate.Time, text string) (deploy.Hold, error) {
	if at.After(k.Until.Time) {
		at = k.Until
	}
	whole := k.ended(at, text)
	bare := whole
	bare.Evidence = nil
	// As with a deploy: whatever others made of its change, the hold itself ends.
	err := error(nil)
	for _, report := range []*annotate.Report{&whole, &bare, nil} {
		if err = c.endHoldWith(ctx, k, by, report); !refused(err) {
			break
		}
		c.logger.Error("the log refuses that a hold has ended, and gets less of it", "hold", k.ID, "err", err)
	}
	if err != nil {
		return deploy.Hold{}, err
	}
	c.publishHolds(slices.DeleteFunc(slices.Clone(*c.holds.Load()), func(other keptHold) bool { return other.ID == k.ID }))
	k.Until = at
	return k.Hold, nil
}

func (c *Control) endHoldWith(ctx context.Context, k keptHold, by string, report *annotate.Report) error {
	return c.transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		if report != nil {
			if _, err := tx.Record(ctx, by, *report); err != nil {
				return err
			}
		}
		_, err := tx.PutDocument(ctx, annotate.Document{Space: spaceHolds, Key: k.ID, Revision: k.revision, By: by, Change: k.ID})
		return err
	})
}

// expireDue ends the holds whose time is over, and returns how long it is until there
// may be another. Whoever calls it holds writing.
func (c *Control) expireDue() time.Duration {
	next := time.Hour // the clock may be set meanwhile
	for _, k := range *c.holds.Load() {
		if left := k.Until.Sub(c.now()); left > 0 {
			next = min(next, left)
			continue
		}
		if _, err := c.endHold(c.ctx, k, source, k.Until, "Its time was over."); err != nil {
			if !errors.Is(err, context.Canceled) {
				c.logger.Error("the end of a hold could not be recorded", "hold", k.ID, "err", err)
			}
			next = min(next, retryAfter)
		}
	}
	return next
}
