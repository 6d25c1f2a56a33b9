package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/model"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/internal/auth"
)

// Holds is what keeps deploys from beginning. Its errors are *annotate.Error where a
// caller can do something about them.
type Holds interface {
	// Hold makes a hold, durably.
	Hold(ctx context.Context, r control.HoldRequest) (deploy.Hold, error)
	// Release ends one, durably, and GetHold returns one that has not ended.
	Release(ctx context.Context, id string, by control.Author) (deploy.Hold, error)
	GetHold(id string) (deploy.Hold, error)
	// Holds returns those that hold, oldest first.
	Holds() []deploy.Hold
	// Obstacles returns what keeps a deploy of the target from beginning.
	Obstacles(id deploy.ID) []deploy.Obstacle
}

const holdsPath = "/api/v1/holds"

// holdRoutes are the routes about holds on deploys.
func (s *Server) holdRoutes() []*route {
	return []*route{
		{method: http.MethodGet, path: holdsPath, need: auth.Viewer, class: reading, mount: s.opListHolds()},
		{method: http.MethodGet, path: "/api/v1/can_deploy", need: auth.Viewer, class: reading, mount: s.opCanDeploy()},
		{method: http.MethodPost, path: holdsPath, need: auth.Operator, class: writing, mount: s.opHold()},
		{method: http.MethodDelete, path: holdsPath + "/{id}", need: auth.Operator, class: writing, mount: s.opRelease()},
	}
}

type holdsOutput struct {
	Body struct {
		Holds []deploy.Hold `json:"holds" doc:"Those that have not ended, oldest first"`
	}
}

func (s *Server) opListHolds() mount {
	op := huma.Operation{OperationID: "list-holds", Summary: "The holds on deploys", Tags: []string{"deploys"}}
	return operation(op, "query", func(context.Context, *call) (*holdsOutput, error) {
		out := &holdsOutput{}
		out.Body.Holds = s.opts.Deploys.Holds()
		return out, nil
	}, nil)
}

type canDeployInput struct {
	call
	Service     string `query:"service" doc:"What is to be deployed; without it only holds on all services count"`
	Environment string `query:"environment" doc:"Where; without it only holds on all environments count"`
}

type canDeployOutput struct {
	Body struct {
		Allowed   bool              `json:"allowed" doc:"Whether a deploy may begin"`
		Obstacles []deploy.Obstacle `json:"obstacles" doc:"What keeps it from beginning"`
	}
}

func (s *Server) opCanDeploy() mount {
	op := huma.Operation{
		OperationID: "can-deploy", Summary: "Whether a deploy may begin, and if not, who holds it and why", Tags: []string{"deploys"},
		SkipValidateParams: true,
	}
	return operation(op, "query", func(_ context.Context, in *canDeployInput) (*canDeployOutput, error) {
		if err := onlyParameters(in.http.URL.Query(), "service", "environment"); err != nil {
			return nil, err
		}
		out := &canDeployOutput{}
		out.Body.Obstacles = s.opts.Deploys.Obstacles(deploy.ID{Service: in.Service, Environment: in.Environment})
		out.Body.Allowed = len(out.Body.Obstacles) == 0
		return out, nil
	}, nil)
}

type holdBody struct {
	Service     string        `json:"service,omitempty" doc:"The service to hold; every one where it is not given"`
	Environment string        `json:"environment,omitempty" doc:"The environment to hold; every one where it is not given"`
	Reason      string        `json:"reason" doc:"Why, for whoever is stopped by it"`
	Until       annotate.Time `json:"until,omitzero" doc:"When it ends by itself, at most 30 days ahead"`
	For         string        `json:"for,omitempty" doc:"In the place of until, how long it lasts: 90m, 2h, 3d"`
	Who         *annotate.Who `json:"who,omitempty" doc:"The person for whom a trusted caller acts: a name, or an object with name and type"`
}

// until is when the hold ends, in the one way or the other.
func (b holdBody) until(now time.Time) (time.Time, error) {
	switch {
	case b.For == "":
		return b.Until.Time, nil
	case !b.Until.IsZero():
		return time.Time{}, faulty(Fault{Message: "is given beside until; give one of the two", Location: "body.for", Value: b.For})
	}
	d, err := model.ParseDuration(b.For)
	if err != nil || d <= 0 {
		return time.Time{}, faulty(Fault{Message: "must be how long the hold lasts, such as 90m, 2h or 3d", Location: "body.for", Value: b.For})
	}
	return now.Add(time.Duration(d)), nil
}

type holdOutput struct {
	Status int
	Body   deploy.Hold
}

func (s *Server) opHold() mount {
	op := huma.Operation{
		OperationID: "hold-deploys", Summary: "Hold deploys for a while", Tags: []string{"deploys"}, DefaultStatus: http.StatusCreated,
		Description: "Of one service in one environment, of one of the two, or all there are. The hold is a change of kind hold, and lasts until it is released or its time is over.",
	}
	return operation(op, "body", func(ctx context.Context, in *call) (*holdOutput, error) {
		body, err := readInto[holdBody](s, in.http, false)
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, body.Environment); err != nil {
			return nil, err
		}
		until, err := body.until(s.now())
		if err != nil {
			return nil, err
		}
		h, err := s.opts.Deploys.Hold(ctx, control.HoldRequest{
			Author:  s.deployAuthor(ctx, body.Reason, body.Who),
			Service: body.Service, Environment: body.Environment, Until: until,
		})
		return &holdOutput{Status: http.StatusCreated, Body: h}, err
	}, documentBody[holdBody](false))
}

type releaseInput struct {
	call
	ID string `path:"id" doc:"The hold's id"`
}

type releaseBody struct {
	Reason string        `json:"reason,omitempty" doc:"Why, for whoever reads the log"`
	Who    *annotate.Who `json:"who,omitempty" doc:"The person for whom a trusted caller acts: a name, or an object with name and type"`
}

func (s *Server) opRelease() mount {
	op := huma.Operation{OperationID: "release-hold", Summary: "End a hold now", Tags: []string{"deploys"}}
	return operation(op, "body", func(ctx context.Context, in *releaseInput) (*holdOutput, error) {
		body, err := readInto[releaseBody](s, in.http, true)
		if err != nil {
			return nil, err
		}
		h, err := s.opts.Deploys.GetHold(in.ID)
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, h.Environment); err != nil {
			return nil, err
		}
		h, err = s.opts.Deploys.Release(ctx, in.ID, s.deployAuthor(ctx, body.Reason, body.Who))
		return &holdOutput{Status: http.StatusOK, Body: h}, err
	}, documentBody[releaseBody](true))
}

// deployAuthor is who asks something of deploys, and why.
func (s *Server) deployAuthor(ctx context.Context, reason string, who *annotate.Who) control.Author {
	return control.Author{By: exchangeOf(ctx).who.Attribution(), Reason: reason, Who: actor(ctx, who)}
}
