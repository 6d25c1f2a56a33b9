package ofrep

import (
	"context"

	"github.com/tidemark/tidemark/annotate/flag/control"
)

// Controlled are the flags of the controls.
type Controlled struct{ *control.Control }

var _ Flags = Controlled{}

// Follow implements Flags.
func (c Controlled) Follow(ctx context.Context, environment string, fn func(State) error) error {
	changes, err := c.Subscribe(environment)
	if err != nil {
		return err
	}
	defer changes.Close()
	// The state is read after subscribing, so that none is missed between.
	v, ok := c.Version(environment)
	for ok {
		if err := fn(State{ETag: v.ETag, Modified: v.Modified}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case v, ok = <-changes.C:
		}
	}
	return nil
}
