package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
	"github.com/tidemark/tidemark/internal/auth"
)

// Hooks take what other tools send. *hooks.Hooks is one.
type Hooks interface {
	// Signed says why a delivery will be refused, as far as that is known without its body.
	Signed(name string, d intake.Delivery) error
	// Take takes a delivery: once it returns without an error, all of it is kept.
	Take(ctx context.Context, name string, d intake.Delivery) (hooks.Receipt, error)
	List(ctx context.Context) ([]hooks.Status, error)
	// Kept are deliveries that were not understood, newest first, and KeptOne one with
	// its body. Replay has it read again, and Drop lets go of it.
	Kept(ctx context.Context, name string, before int64, limit int) ([]annotate.Delivery, error)
	KeptOne(ctx context.Context, name string, id int64) (annotate.Delivery, error)
	Replay(ctx context.Context, name string, id int64) (hooks.Receipt, error)
	Drop(ctx context.Context, name string, id int64) error
}

const hooksPath = "/api/v1/hooks"

// hookRoutes are where webhooks are sent to, and where it is seen what became of them.
func (s *Server) hookRoutes() []*route {
	if s.opts.Hooks == nil {
		return nil
	}
	deliveries := hooksPath + "/{name}/deliveries"
	return []*route{
		{method: http.MethodPost, path: "/hooks/{name}", need: auth.None, class: receiving, mount: s.opTakeDelivery()},
		{method: http.MethodGet, path: hooksPath, need: auth.Viewer, class: reading, mount: s.opListHooks()},
		{method: http.MethodGet, path: deliveries, need: auth.Operator, class: reading, mount: s.opDeliveries()},
		{method: http.MethodGet, path: deliveries + "/{id}", need: auth.Operator, class: reading, mount: s.opDelivery()},
		{method: http.MethodPost, path: deliveries + "/{id}/replay", need: auth.Operator, class: writing, mount: s.opReplay()},
		{method: http.MethodDelete, path: deliveries + "/{id}", need: auth.Operator, class: writing, mount: s.opDropDelivery()},
	}
}

// statusOf is the status of an answer with r: 202 for what waits to be read again.
func statusOf(r hooks.ReceiptView) int {
	if r.Kept != 0 {
		return http.StatusAccepted
	}
	return http.StatusOK
}

func (s *Server) opTakeDelivery() mount {
	op := huma.Operation{
		OperationID: "take-delivery", Summary: "Where another tool's webhook sends to", Tags: []string{"hooks"},
		Description: "In that tool's own format, verified in that tool's own way. 200 says what became of it, 202 that it was not understood and is kept.",
	}
	return operation(op, "body", func(ctx context.Context, in *HookInput) (*receiptOutput, error) {
		r, name := in.http, unescaped(in.http, in.Name)
		d := intake.Delivery{Header: r.Header, Query: r.URL.Query()}
		if err := s.opts.Hooks.Signed(name, d); err != nil {
			p := *problemOf(asRefusal(err), "body")
			p.unread = true
			return nil, &p
		}
		if r.Header.Get(echo.HeaderContentEncoding) != "" {
			return nil, newProblem(http.StatusUnsupportedMediaType, "the body is compressed; send it as it is")
		}
		release, err := s.readUnproven(r, &d)
		defer release()
		if err != nil {
			return nil, err
		}
		if !s.receives.enter() {
			return nil, overloaded("the server is at work on as many deliveries as it may; try again shortly", time.Second)
		}
		defer s.receives.leave()
		receipt, err := s.opts.Hooks.Take(ctx, name, d)
		if err != nil {
			return nil, asRefusal(err)
		}
		exchangeOf(ctx).who = auth.Identity{Name: "hook:" + name}
		view := receipt.View()
		return &receiptOutput{statusOf(view), view}, nil
	}, nil)
}

// maxUnproven is how many bytes of deliveries may be held of which it is not known yet
// who sent them.
const maxUnproven = 128 << 20

// readUnproven reads the body of a delivery. It holds no place against others while it
// waits for more of it, so that whoever sends slowly keeps nobody out; only what has come
// counts, until release is called.
func (s *Server) readUnproven(r *http.Request, d *intake.Delivery) (release func(), err error) {
	var held int64
	release = func() { s.unproven.Release(held) }
	body, err := s.bodies.all(r, func(n int) error {
		if !s.unproven.TryAcquire(int64(n)) {
			return overloaded("the server holds as many bytes of deliveries as it may; try again shortly", time.Second)
		}
		held += int64(n)
		return nil
	})
	d.Body = body
	return release, err
}

// asRefusal makes a problem of a delivery that was not taken.
func asRefusal(err error) error {
	if _, ok := errors.AsType[*intake.Unverified](err); ok {
		return newProblem(http.StatusUnauthorized, err.Error())
	}
	return err
}

type hooksOutput struct {
	Body struct {
		Hooks []hooks.Status `json:"hooks" doc:"By name"`
	}
}

func (s *Server) opListHooks() mount {
	op := huma.Operation{OperationID: "list-hooks", Summary: "The webhooks, and what became of what was sent to them", Tags: []string{"hooks"}}
	return operation(op, "query", func(ctx context.Context, _ *call) (*hooksOutput, error) {
		list, err := s.opts.Hooks.List(ctx)
		out := &hooksOutput{}
		out.Body.Hooks = list
		return out, err
	}, nil)
}

// HookInput names a hook.
type HookInput struct {
	call
	Name string `path:"name" doc:"The hook's name"`
}

type deliveriesInput struct {
	HookInput
	Limit  string `query:"limit" doc:"How many at the most, from 1 to 1000; 50 where it is not given"`
	Before string `query:"before" doc:"Only those before the one of this number: next of the answer before"`
}

type deliveriesOutput struct {
	Body struct {
		Deliveries []hooks.DeliveryView `json:"deliveries" doc:"Newest first, without their bodies"`
		Next       *int64               `json:"next" doc:"What before has to be for those that follow, or null"`
	}
}

// defaultDeliveries is how many deliveries are answered where nobody says.
const defaultDeliveries = 50

func (s *Server) opDeliveries() mount {
	op := huma.Operation{
		OperationID: "list-kept-deliveries", Summary: "The deliveries of a hook that were not understood", Tags: []string{"hooks"},
		SkipValidateParams: true,
	}
	return operation(op, "query", func(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
		if err := onlyParameters(in.http.URL.Query(), "limit", "before"); err != nil {
			return nil, err
		}
		limit, before := int64(defaultDeliveries), int64(0)
		for _, p := range []struct {
			name, value string
			into        *int64
		}{{"limit", in.Limit, &limit}, {"before", in.Before, &before}} {
			if p.value == "" {
				continue
			}
			n, err := strconv.ParseInt(p.value, 10, 64)
			if err != nil || n < 1 || p.name == "limit" && n > annotate.MaxPage {
				return nil, faulty(Fault{Message: "must be a whole number of at least 1, a limit at most 1000", Location: "query." + p.name, Value: p.value})
			}
			*p.into = n
		}
		list, err := s.opts.Hooks.Kept(ctx, unescaped(in.http, in.Name), before, int(limit))
		if err != nil {
			return nil, err
		}
		out := &deliveriesOutput{}
		out.Body.Deliveries = make([]hooks.DeliveryView, len(list))
		for i, d := range list {
			out.Body.Deliveries[i] = hooks.View(d)
		}
		if len(list) == int(limit) {
			out.Body.Next = &list[len(list)-1].ID
		}
		return out, nil
	}, nil)
}

type deliveryInput struct {
	HookInput
	ID string `path:"id" doc:"The delivery's number"`
}

// of returns which delivery is meant.
func (in deliveryInput) of() (name string, id int64, err error) {
	id, err = strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return "", 0, newProblem(http.StatusNotFound, "there is no delivery of this number; deliveries have whole numbers")
	}
	return unescaped(in.http, in.Name), id, nil
}

type deliveryOutput struct{ Body hooks.DeliveryView }

func (s *Server) opDelivery() mount {
	op := huma.Operation{OperationID: "get-kept-delivery", Summary: "One delivery that was not understood, as it came", Tags: []string{"hooks"}}
	return operation(op, "path", func(ctx context.Context, in *deliveryInput) (*deliveryOutput, error) {
		name, id, err := in.of()
		if err != nil {
			return nil, err
		}
		d, err := s.opts.Hooks.KeptOne(ctx, name, id)
		return &deliveryOutput{hooks.View(d)}, err
	}, nil)
}

type receiptOutput struct {
	Status int
	Body   hooks.ReceiptView
}

func (s *Server) opReplay() mount {
	op := huma.Operation{
		OperationID: "replay-delivery", Summary: "Have a delivery read again, as the hook is set up now", Tags: []string{"hooks"},
		Description: "Once all of it is understood it is kept no more, and answered 200; 202 says that it is kept still, and why.",
	}
	return operation(op, "path", func(ctx context.Context, in *deliveryInput) (*receiptOutput, error) {
		name, id, err := in.of()
		if err != nil {
			return nil, err
		}
		receipt, err := s.opts.Hooks.Replay(ctx, name, id)
		if err != nil {
			return nil, err
		}
		view := receipt.View()
		return &receiptOutput{statusOf(view), view}, nil
	}, nil)
}

func (s *Server) opDropDelivery() mount {
	op := huma.Operation{OperationID: "drop-delivery", Summary: "Let go of a delivery that nobody needs", Tags: []string{"hooks"}, DefaultStatus: http.StatusNoContent}
	return operation(op, "path", func(ctx context.Context, in *deliveryInput) (*noOutput, error) {
		name, id, err := in.of()
		if err != nil {
			return nil, err
		}
		return &noOutput{Status: http.StatusNoContent}, s.opts.Hooks.Drop(ctx, name, id)
	}, nil)
}
