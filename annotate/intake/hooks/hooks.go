package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake"
)

// Log is where changes are recorded, and where deliveries are kept that nobody
// understood. *changelog.Log is one; the errors of all are *annotate.Error.
type Log interface {
	Observe(ctx context.Context, by string, reports []annotate.Report) ([]annotate.Result, error)
	List(ctx context.Context, l annotate.List) (annotate.Page, error)
	KeepDelivery(ctx context.Context, d annotate.Delivery) (annotate.Delivery, error)
	Deliveries(ctx context.Context, hook string, before int64, limit int) ([]annotate.Delivery, error)
	Delivery(ctx context.Context, hook string, id int64) (annotate.Delivery, error)
	DropDelivery(ctx context.Context, hook string, id int64) error
	DeliveryCounts(ctx context.Context) (map[string]int, error)
}

// Setup is one hook, and where its secrets are.
type Setup struct {
	Hook *intake.Hook
	// Secrets returns the secrets as they are now, of which each is accepted. Its error
	// never holds one.
	Secrets func() ([]string, error)
}

// Options of Hooks.
type Options struct {
	Log     Log
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
}

// Hooks are all that are set up. All its methods may be called at the same time.
type Hooks struct {
	opts   Options
	set    atomic.Pointer[map[string]*hook]
	meters map[string]meters // of all that ever were, by name: Apply's own
}

// hook is one that is set up.
type hook struct {
	Setup
	meters meters
}

// New returns Hooks of which none is set up yet.
func New(opts Options) *Hooks {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	h := &Hooks{opts: opts, meters: map[string]meters{}}
	h.set.Store(&map[string]*hook{})
	return h
}

// Apply takes over which hooks there are. One call of it is made at a time.
func (h *Hooks) Apply(setups []Setup) {
	next := make(map[string]*hook, len(setups))
	for _, s := range setups {
		name := s.Hook.Name()
		m, known := h.meters[name]
		if !known {
			m = newMeters(h.opts.Metrics, name)
			h.meters[name] = m
		}
		next[name] = &hook{s, m}
	}
	h.set.Store(&next)
}

// Receipt is what became of a delivery.
type Receipt struct {
	// Event is what the sender calls it; empty where it has no name.
	Event string
	// Changes are those that it told of.
	Changes []annotate.Result
	// Nothing says why there are none, where it is not about a change.
	Nothing string
	// Kept is the delivery's number where it, or a part of it, was not understood, and Why
	// what was not.
	Kept int64
	Why  string
}

// by is who a hook's reports are by, in the log.
func by(name string) string { return "hook:" + name }

// find returns the hook of a name, or a NotFound error.
func (h *Hooks) find(name string) (*hook, error) {
	if one := (*h.set.Load())[name]; one != nil {
		return one, nil
	}
	// Which names there are is nobody's business who has no secret.
	return nil, &annotate.Error{Code: annotate.NotFound, Message: "no hook has this name; hooks are set up in the section hooks of the configuration"}
}

// Signed returns why the delivery to the hook of a name will be refused, as far as that is
// to be known without its body; nil where it may be taken. Its errors are those of Take.
func (h *Hooks) Signed(name string, d intake.Delivery) error {
	one, err := h.find(name)
	if err != nil {
		return err
	}
	if err := one.Hook.Signed(d); err != nil {
		one.meters.unverified.Inc()
		return err
	}
	return nil
}

// Take takes a delivery to the hook of a name. When it returns without an error, all that
// the delivery says is kept durably: as changes, or as it came. A hook that is not there
// is a NotFound error, a delivery that proves nothing an *intake.Unverified, and those of
// the log are the log's own.
func (h *Hooks) Take(ctx context.Context, name string, d intake.Delivery) (Receipt, error) {
	one, err := h.find(name)
	if err != nil {
		return Receipt{}, err
	}
	d.Arrived = h.opts.Now()
	secrets, err := one.Secrets()
	if err != nil {
		one.meters.failed.Inc()
		h.opts.Logger.Error("a hook's secret cannot be read", "hook", name, "err", err)
		return Receipt{}, &annotate.Error{Code: annotate.Unavailable, Message: "the hook's secret cannot be read; Tidemark's log says why"}
	}
	if err := one.Hook.Verify(d, secrets); err != nil {
		one.meters.unverified.Inc()
		return Receipt{}, err
	}
	one.meters.last.Store(d.Arrived.Unix())
	receipt, err := h.take(ctx, one, d)
	if err != nil {
		one.meters.failed.Inc()
		return Receipt{}, err
	}
	one.meters.count(receipt)
	if receipt.Kept != 0 {
		// Why is not logged: it may quote the body, which is for operators alone.
		h.opts.Logger.Warn("a hook's delivery was not understood, and is kept", "hook", name, "id", receipt.Kept)
	}
	return receipt, nil
}

// maxWhy is how much is kept of why a delivery was not understood, in bytes.
const maxWhy = 1000

// take records what a verified delivery says, and keeps what it does not understand.
func (h *Hooks) take(ctx context.Context, one *hook, d intake.Delivery) (Receipt, error) {
	receipt, misunderstood, err := h.record(ctx, one, d)
	if err != nil || misunderstood == nil {
		return receipt, err
	}
	receipt.Why = intake.Clip(misunderstood.Error(), maxWhy)
	kept, err := h.opts.Log.KeepDelivery(ctx, annotate.Delivery{
		Hook: one.Hook.Name(), Time: annotate.At(d.Arrived), Header: intake.ShownHeaders(d.Header), Body: d.Body, Why: receipt.Why,
	})
	if err != nil {
		return Receipt{}, err
	}
	receipt.Kept = kept.ID
	return receipt, nil
}

// record reads a delivery and records what it says. What was not understood of it, or
// what the log cannot take, is misunderstood; err is that it should come again.
func (h *Hooks) record(ctx context.Context, one *hook, d intake.Delivery) (receipt Receipt, misunderstood, err error) {
	told, err := one.Hook.Read(d)
	receipt = Receipt{Event: told.Event, Nothing: told.Nothing}
	if err != nil {
		return receipt, err, nil
	}
	misunderstood = errors.Join(told.Failures...)
	if len(told.Reports) == 0 {
		return receipt, misunderstood, nil
	}
	receipt.Changes, err = h.opts.Log.Observe(ctx, by(one.Hook.Name()), told.Reports)
	if !refused(err) {
		return receipt, misunderstood, err
	}
	if slices.ContainsFunc(told.Reports, func(r annotate.Report) bool { return r.ExternalID == "" }) {
		return receipt, errors.Join(misunderstood, err), nil // in parts it would be recorded anew each time
	}
	// One of them cannot be kept: the others can.
	for id, reports := range byChange(told.Reports) {
		results, err := h.opts.Log.Observe(ctx, by(one.Hook.Name()), reports)
		if refused(err) {
			misunderstood = errors.Join(misunderstood, fmt.Errorf("%s: %w", id, err))
			continue
		}
		if err != nil {
			return receipt, nil, err
		}
		receipt.Changes = append(receipt.Changes, results...)
	}
	return receipt, misunderstood, nil
}

// refused reports whether the log will never take what it was given.
func refused(err error) bool {
	code := annotate.CodeOf(err)
	return code == annotate.Invalid || code == annotate.Conflict
}

// byChange goes through the reports of each change, in order.
func byChange(reports []annotate.Report) func(func(string, []annotate.Report) bool) {
	return func(yield func(string, []annotate.Report) bool) {
		for len(reports) > 0 {
			first := reports[0]
			of := func(r annotate.Report) bool { return first.ExternalID != "" && r.ExternalID == first.ExternalID }
			group := []annotate.Report{first}
			var rest []annotate.Report
			for _, r := range reports[1:] {
				if of(r) {
					group = append(group, r)
				} else {
					rest = append(rest, r)
				}
			}
			if reports = rest; !yield(first.ExternalID, group) {
				return
			}
		}
	}
}

// Replay reads a kept delivery again, as the hook is set up now. Once all of it is
// understood it is kept no more. It was verified when it came.
func (h *Hooks) Replay(ctx context.Context, name string, id int64) (Receipt, error) {
	one, err := h.find(name)
	if err != nil {
		return Receipt{}, err
	}
	kept, err := h.opts.Log.Delivery(ctx, name, id)
	if err != nil {
		return Receipt{}, err
	}
	receipt, err := h.take(ctx, one, intake.Delivery{Header: intake.HeadersOf(kept.Header), Body: kept.Body, Arrived: kept.Time.Time})
	if err != nil || receipt.Kept != 0 {
		return receipt, err
	}
	err = h.opts.Log.DropDelivery(ctx, name, id)
	if annotate.CodeOf(err) == annotate.NotFound {
		err = nil // somebody else replayed it at the same time
	}
	return receipt, err
}

// Kept returns deliveries that the hook of a name did not understand, as the log's
// Deliveries does. The hook may be set up no more.
func (h *Hooks) Kept(ctx context.Context, name string, before int64, limit int) ([]annotate.Delivery, error) {
	return h.opts.Log.Deliveries(ctx, name, before, limit)
}

// KeptOne returns one of them, with its body.
func (h *Hooks) KeptOne(ctx context.Context, name string, id int64) (annotate.Delivery, error) {
	return h.opts.Log.Delivery(ctx, name, id)
}

// Drop lets go of one of them.
func (h *Hooks) Drop(ctx context.Context, name string, id int64) error {
	return h.opts.Log.DropDelivery(ctx, name, id)
}

// Status is how it stands with a hook.
type Status struct {
	Name     string            `json:"name" doc:"Its deliveries go to /hooks/NAME"`
	Sender   string            `json:"sender,omitempty" doc:"Whose deliveries it takes; not there for a hook that is set up no more"`
	Last     annotate.Time     `json:"last,omitzero" doc:"When the last verified delivery came, since the start"`
	Kept     int               `json:"kept" doc:"How many deliveries are kept that were not understood"`
	Outcomes map[string]uint64 `json:"outcomes,omitempty" doc:"What became of deliveries since the start: recorded, known, ignored, kept, unverified or failed"`
}

// List returns how it stands with each hook, by name.
func (h *Hooks) List(ctx context.Context) ([]Status, error) {
	kept, err := h.opts.Log.DeliveryCounts(ctx)
	if err != nil {
		return nil, err
	}
	list := []Status{}
	for name, one := range *h.set.Load() {
		s := Status{Name: name, Sender: one.Hook.Sender(), Kept: kept[name], Outcomes: one.meters.outcomes()}
		if last := one.meters.last.Load(); last != 0 {
			s.Last = annotate.At(time.Unix(last, 0))
		}
		list = append(list, s)
		delete(kept, name)
	}
	for name := range kept {
		list = append(list, Status{Name: name, Kept: kept[name]})
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
