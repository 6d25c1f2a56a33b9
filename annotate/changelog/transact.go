package changelog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tidemark/tidemark/annotate"
)

// Transact calls do with a transaction, and returns once all that do did in it is
// durable. An error of do is returned, and nothing of what it did is kept.
//
// do runs in the log's one writer, after those that wait already: it must not
// wait for anything, and must not call the log but through its Tx. A panic of do
// is an error, for it would end the writer.
func (l *Log) Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error {
	var outcomes []outcome
	err := l.submit(ctx, func(ctx context.Context, tx transaction) (err error) {
		outcomes = outcomes[:0]
		t := &logTx{log: l, tx: tx, outcomes: &outcomes}
		defer func() {
			t.over.Store(true)
			if p := recover(); p != nil {
				err = fmt.Errorf("a transaction panicked: %v", p)
			}
		}()
		return do(ctx, t)
	})
	if err != nil {
		l.tallyRefused(err)
		return err
	}
	for _, o := range outcomes {
		l.tally(o)
	}
	return nil
}

// logTx is the annotate.Tx that Transact hands out.
type logTx struct {
	log      *Log
	tx       transaction
	outcomes *[]outcome
	over     atomic.Bool
}

var _ annotate.Tx = (*logTx)(nil)

// errOver is a Tx that was kept beyond its function: it may be another's by now.
var errOver = errors.New("the transaction is over")

// Record implements annotate.Tx.
func (t *logTx) Record(ctx context.Context, by string, r annotate.Report) (annotate.Result, error) {
	if t.over.Load() {
		return annotate.Result{}, errOver
	}
	change, o, err := t.log.record(ctx, t.tx, by, r)
	if err != nil {
		return annotate.Result{}, err
	}
	*t.outcomes = append(*t.outcomes, o)
	return annotate.Result{Change: change, Created: o == created, Updated: o == updated}, nil
}

// Observe implements annotate.Tx.
func (t *logTx) Observe(ctx context.Context, by string, reports []annotate.Report) ([]annotate.Result, error) {
	if t.over.Load() {
		return nil, errOver
	}
	var results []annotate.Result
	for _, group := range together(reports) {
		change, o, err := t.log.observe(ctx, t.tx, by, group)
		if err != nil {
			return nil, err
		}
		*t.outcomes = append(*t.outcomes, o)
		results = append(results, annotate.Result{Change: change, Created: o == created, Updated: o == updated})
	}
	return results, nil
}

// Document implements annotate.Tx.
func (t *logTx) Document(ctx context.Context, space, key string) (annotate.Document, error) {
	if t.over.Load() {
		return annotate.Document{}, errOver
	}
	_, d, err := t.tx.newest(ctx, space, key)
	if err != nil {
		return annotate.Document{}, err
	}
	if d.Body == nil {
		return annotate.Document{}, errNoDocument(d)
	}
	return d, nil
}

// PutDocument implements annotate.Tx.
func (t *logTx) PutDocument(ctx context.Context, d annotate.Document) (annotate.Document, error) {
	if t.over.Load() {
		return annotate.Document{}, errOver
	}
	if err := checkDocument(d); err != nil {
		return annotate.Document{}, err
	}
	num, newest, err := t.tx.newest(ctx, d.Space, d.Key)
	if err != nil {
		return annotate.Document{}, err
	}
	if err := mayFollow(d, newest); err != nil {
		return annotate.Document{}, err
	}
	d.Change = canonical(d.Change)
	if d.Change != "" {
		if _, _, err := one(t.tx.row(ctx, t.tx.byID, d.Change)); err != nil {
			return annotate.Document{}, err
		}
	}
	d.Revision, d.Time = newest.Revision+1, annotate.At(t.log.opts.Now())
	return d, t.tx.putDocument(ctx, num, d)
}
