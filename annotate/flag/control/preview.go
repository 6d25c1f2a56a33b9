package control

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// MaxPreviewContexts is how many contexts a preview takes.
const MaxPreviewContexts = 1000

// Preview returns what Write would do, without doing it, and for which of the
// contexts, each as OFREP has it, the answer would change at this moment. It asks
// for no reason; its other errors are Write's.
func (c *Control) Preview(ctx context.Context, r Request, cmd Command, contexts []map[string]any) (Preview, error) {
	if len(contexts) > MaxPreviewContexts {
		return Preview{}, &annotate.Error{Code: annotate.TooMany, Field: "contexts", Value: len(contexts), Message: fmt.Sprintf(
			"has %d contexts; at most %d are tried at once", len(contexts), MaxPreviewContexts)}
	}
	asked := make([]*flag.Context, len(contexts))
	for i, context := range contexts {
		var err error
		if asked[i], err = flag.ContextFromOFREP(context); err != nil {
			return Preview{}, &annotate.Error{Code: annotate.Invalid, Field: fmt.Sprintf("contexts[%d]", i), Message: err.Error()}
		}
	}
	if err := c.lock(ctx); err != nil {
		return Preview{}, err
	}
	_, s, st, err := c.attempt(ctx, r, cmd)
	c.unlock()
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Flag: st.Flag, Deleted: st.deleted, Changed: st.Changed, From: st.Before, To: st.After, Rules: st.Rules, Notes: st.Notes}
	now := func() time.Time { return s.now }
	before, after := flag.NewSet(r.Environment, nil, now, nil), flag.NewSet(r.Environment, nil, now, nil)
	if s.there {
		before = before.With(s.was)
	}
	if !st.deleted {
		after = after.With(st.Flag)
	}
	for i, context := range contexts {
		from, to := before.Evaluate(r.Key, asked[i]), after.Evaluate(r.Key, asked[i])
		if from.Variant != to.Variant || !reflect.DeepEqual(from.Value, to.Value) {
			p.Contexts = append(p.Contexts, ContextPreview{
				Context: context, From: variation(from), To: variation(to), FromValue: from.Value, ToValue: to.Value,
			})
		}
	}
	return p, nil
}

// variation is which one a flag answered, as shares name it.
func variation(r flag.Result) string {
	if r.Variant == "" {
		return flag.CodeDefault
	}
	return r.Variant
}
