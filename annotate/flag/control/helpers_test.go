package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

const production = "production"

// world is a Control over a real log.
type world struct {
	*control.Control
	t    testing.TB
	log  *changelog.Log
	path string
	opts control.Options
}

// broken is a log that fails when it is told to.
type broken struct {
	*changelog.Log
	fails   atomic.Bool
	refuses atomic.Int32 // how many transactions it refuses for good
	// before, which a test may set, is called before each transaction.
	before atomic.Pointer[func()]
}

var errBroken = errors.New("the disk is full")

func (b *broken) Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error {
	if before := b.before.Load(); before != nil {
		(*before)()
	}
	if b.fails.Load() {
		return &annotate.Error{Code: annotate.Unavailable, Message: "the change could not be kept", Err: errBroken}
	}
	if b.refuses.Add(-1) >= 0 {
		return &annotate.Error{Code: annotate.Invalid, Message: "no log takes this"}
	}
	return b.Log.Transact(ctx, do)
}

func open(t testing.TB, opts control.Options) *world {
	return openAt(t, filepath.Join(t.TempDir(), "changes.db"), opts)
}

func openAt(t testing.TB, path string, opts control.Options) *world {
	t.Helper()
	w := &world{t: t, path: path, opts: opts}
	if w.opts.Settings.Environments == nil {
		w.opts.Settings.Environments = []string{production, "staging"}
	}
	var err error
	w.log, err = changelog.Open(context.Background(), path, changelog.Options{Now: opts.Now})
	require.NoError(t, err)
	if b, ok := opts.Log.(*broken); ok {
		b.Log = w.log
	} else {
		w.opts.Log = w.log
	}
	w.Control, err = control.Open(context.Background(), w.opts)
	require.NoError(t, err)
	t.Cleanup(w.close)
	return w
}

// close ends both; again is well.
func (w *world) close() {
	require.NoError(w.t, w.Close())
	require.NoError(w.t, w.log.Close())
}

// reopen ends both and starts them anew on what they kept.
func (w *world) reopen() *world {
	w.t.Helper()
	w.close()
	opts := w.opts
	if _, ok := opts.Log.(*broken); !ok {
		opts.Log = nil
	}
	return openAt(w.t, w.path, opts)
}

func definition(t testing.TB, text string) flag.Definition {
	t.Helper()
	d, err := flag.ParseDefinition("", []byte(text), flag.JSON)
	require.NoError(t, err)
	return d
}

// boolean is a definition of two variations of which off is given.
const boolean = `{"variations":{"on":true,"off":false},"defaultRule":{"variation":"off"},"metadata":{"service":"shop"}}`

func id(key string) control.ID { return control.ID{Environment: production, Key: key} }

// by is a request of somebody's for a flag in production.
func by(who, key, reason string) control.Request {
	return control.Request{ID: id(key), Author: control.Author{By: who, Reason: reason}}
}

func (w *world) write(r control.Request, cmd control.Command) control.Written {
	w.t.Helper()
	written, err := w.Write(context.Background(), r, cmd)
	require.NoError(w.t, err)
	return written
}

func (w *world) put(key, text string) control.Written {
	w.t.Helper()
	return w.write(by("ann", key, ""), control.Put(definition(w.t, text)))
}

func flip(to string) control.Command {
	return control.Do(flag.Action{Flip: &flag.Flip{To: to}})
}

func rollout(variation string, percentage float64) control.Command {
	return control.Do(flag.Action{Rollout: &flag.Rollout{Variation: variation, Percentage: percentage}})
}

func kill() control.Command { return control.Do(flag.Action{Kill: &flag.Kill{}}) }

// lines are all changes in the log, oldest record first.
func (w *world) lines() []annotate.Change {
	w.t.Helper()
	var all []annotate.Change
	for cursor := ""; ; {
		page, err := w.log.List(context.Background(), annotate.List{Limit: annotate.MaxPage, Cursor: cursor})
		require.NoError(w.t, err)
		all = append(all, page.Changes...)
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	return byID(all)
}

func (w *world) last() annotate.Change {
	w.t.Helper()
	lines := w.lines()
	require.NotEmpty(w.t, lines)
	return lines[len(lines)-1]
}

// value is what production's flag answers to somebody.
func (w *world) value(key, who string) any {
	w.t.Helper()
	set, ok := w.Set(production)
	require.True(w.t, ok)
	r := set.Evaluate(key, flag.NewContext(who, nil))
	if r.Err != nil {
		return r.Err.Code
	}
	return r.Value
}

func code(err error) annotate.Code { return annotate.CodeOf(err) }

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
