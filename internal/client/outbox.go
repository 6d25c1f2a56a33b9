package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client/spool"
)

// Outbox reports changes to a server, and keeps in a spool what the server
// cannot take now. What goes wrong on the way it tells Warn and nobody else.
type Outbox struct {
	client *Client
	spool  *spool.Spool
	warn   func(string)
}

// NewOutbox returns an Outbox to c's server. Without a spool (nil) nothing is
// kept. Warn gets each warning as one line; several goroutines may call it.
func NewOutbox(c *Client, s *spool.Spool, warn func(string)) *Outbox {
	return &Outbox{client: c, spool: s, warn: warn}
}

// ErrSpooled is the error of a report that waits in the spool.
var ErrSpooled = errors.New("the report was kept and will be sent later")

// Send reports a change, and returns it as it stands in the log. A report that
// cannot be delivered now is kept: then the error is ErrSpooled. The report
// needs a source and an external_id, and all that shall be said of the change
// later too, such as its start.
func (o *Outbox) Send(ctx context.Context, r annotate.Report) (annotate.Change, error) {
	result, err := o.client.Record(ctx, r)
	switch {
	case err == nil:
		return result.Change, nil
	case Refused(err) || o.spool == nil:
		return annotate.Change{}, err
	}
	if _, keepErr := o.spool.Put(o.entry(r)); keepErr != nil {
		return annotate.Change{}, errors.Join(err, keepErr)
	}
	o.warn(fmt.Sprintf("%v; the change is kept in %s and is sent later", err, o.spool.Dir()))
	return annotate.Change{}, ErrSpooled
}

// Flush sends what waits in the spool for the server, until ctx is done.
func (o *Outbox) Flush(ctx context.Context) (spool.Flushed, error) {
	if o.spool == nil {
		return spool.Flushed{}, nil
	}
	done, err := o.spool.Flush(ctx, sender{o.client})
	for _, problem := range done.Problems {
		o.warn(problem)
	}
	return done, err
}

func (o *Outbox) entry(r annotate.Report) spool.Entry {
	return spool.Entry{Server: o.client.Server(), Report: r}
}

// sender is a Client as the spool needs it.
type sender struct{ *Client }

var _ spool.Sender = sender{}

// Send implements spool.Sender.
func (s sender) Send(ctx context.Context, r annotate.Report) error {
	_, err := s.Record(ctx, r)
	return err
}

// Refused implements spool.Sender.
func (sender) Refused(err error) bool { return Refused(err) }

// keep spools a report that could not be delivered for the reason given.
func (o *Outbox) keep(r annotate.Report, reason error) {
	if o.spool == nil {
		o.warn(fmt.Sprintf("%v; the report is lost, for there is no spool", reason))
		return
	}
	if _, err := o.spool.Put(o.entry(r)); err != nil {
		o.warn(fmt.Sprintf("%v; the report is lost: %v", reason, err))
		return
	}
	o.warn(fmt.Sprintf("%v; the report is kept in %s and is sent later", reason, o.spool.Dir()))
}

// keepRefused keeps a report that the server refused, for a person to see why.
func (o *Outbox) keepRefused(r annotate.Report, reason error) {
	if o.spool == nil {
		o.warn(reason.Error())
		return
	}
	path, err := o.spool.PutRefused(o.entry(r), reason)
	if err != nil {
		o.warn(fmt.Sprintf("%v; the report is lost: %v", reason, err))
		return
	}
	o.warn(fmt.Sprintf("%v; the report is kept in %s", reason, path))
}
