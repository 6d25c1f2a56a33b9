package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/internal/auth"
)

// Deploys is what carries deploys out, and what keeps them from beginning. Its errors
// are *annotate.Error where a caller can do something about them.
type Deploys interface {
	Holds
	// Target finds what can be deployed; the environment may be left out where there
	// is only one.
	Target(service, environment string) (deploy.ID, error)
	// Start asks for a deploy, durably, and Rollback for the last good version before
	// one of the target that r names; created says that it was not asked for before.
	Start(ctx context.Context, r control.Request) (v control.View, created bool, err error)
	Rollback(ctx context.Context, id string, r control.Request) (v control.View, created bool, err error)
	// Cancel ends a run that waits, and asks one that runs to end.
	Cancel(ctx context.Context, id string, by control.Author) (control.View, error)
	// Get, Runs and Targets say how it stands.
	Get(id string) (control.View, error)
	Runs(s control.Selection, limit int) []control.View
	Targets() []control.TargetView
	// ReadLog and FollowLog return what a run printed.
	ReadLog(id string, offset int64) ([]byte, error)
	FollowLog(ctx context.Context, id string, offset int64, tell func(v control.View, text []byte, offset int64) error) error
}

const deploysPath = "/api/v1/deploys"

// deployRoutes are the routes about deploys. A log may show more than its deploy was
// meant to tell: it takes the role of those who deploy.
func (s *Server) deployRoutes() []*route {
	if s.opts.Deploys == nil {
		return nil
	}
	return append(s.holdRoutes(),
		&route{method: http.MethodGet, path: "/deploys", need: auth.Viewer, class: reading, mount: plain(s.deploysOf)},
		&route{method: http.MethodGet, path: deploysPath, need: auth.Viewer, class: reading, mount: s.opListDeploys()},
		&route{method: http.MethodGet, path: deploysPath + "/targets", need: auth.Viewer, class: reading, mount: s.opDeployTargets()},
		&route{method: http.MethodGet, path: deploysPath + "/{id}", need: auth.Viewer, class: reading, mount: s.opGetDeploy()},
		&route{method: http.MethodPost, path: deploysPath, need: auth.Operator, class: writing, mount: s.opDeploy()},
		&route{method: http.MethodPost, path: deploysPath + "/{id}/cancel", need: auth.Operator, class: writing, mount: s.opCancelDeploy()},
		&route{method: http.MethodPost, path: deploysPath + "/{id}/rollback", need: auth.Operator, class: writing, mount: s.opRollback()},
		&route{method: http.MethodGet, path: deploysPath + "/{id}/log", need: auth.Operator, class: reading, mount: s.opDeployLog()},
		&route{method: http.MethodGet, path: deploysPath + "/{id}/log/stream", need: auth.Operator, class: streaming, mount: s.opFollowDeploy()},
	)
}

// onlyParameters refuses a query that has others.
func onlyParameters(query url.Values, names ...string) error {
	for name, values := range query {
		switch {
		case !slices.Contains(names, name):
			return faulty(Fault{Message: "is no parameter here; there are " + strings.Join(names, ", "), Location: "query." + name})
		case len(values) > 1:
			return faulty(Fault{Message: "is there twice; give it once", Location: "query." + name})
		}
	}
	return nil
}

type listDeploysInput struct {
	call
	Service     string `query:"service" doc:"Only those of this service"`
	Environment string `query:"environment" doc:"Only those in this environment"`
	Status      string `query:"status" enum:"planned,running,succeeded,failed,cancelled,lost" doc:"Only those with this status; planned are those that wait"`
	Limit       string `query:"limit" doc:"How many to return at the most, up to 1000; 100 where it is not given"`
}

type deploysOutput struct {
	Body struct {
		Deploys []control.View `json:"deploys" doc:"Those that Tidemark carried out and still keeps, newest first"`
	}
}

func (s *Server) opListDeploys() mount {
	op := huma.Operation{
		OperationID: "list-deploys", Summary: "The deploys that Tidemark carries out", Tags: []string{"deploys"}, SkipValidateParams: true,
		Description: "Of each target the last 50 that ended are kept; what the log has of all others, and of those that ran elsewhere, is at /api/v1/changes?kind=deploy.",
	}
	return operation(op, "query", func(_ context.Context, in *listDeploysInput) (*deploysOutput, error) {
		if err := onlyParameters(in.http.URL.Query(), "service", "environment", "status", "limit"); err != nil {
			return nil, err
		}
		statuses := []string{"planned", "running", "succeeded", "failed", "cancelled", "lost"}
		if in.Status != "" && !slices.Contains(statuses, in.Status) {
			return nil, faulty(Fault{Message: "must be one of " + strings.Join(statuses, ", "), Location: "query.status", Value: in.Status})
		}
		limit := annotate.DefaultPage
		if in.Limit != "" {
			var err error
			if limit, err = strconv.Atoi(in.Limit); err != nil || limit < 1 || limit > annotate.MaxPage {
				return nil, faulty(Fault{Message: fmt.Sprintf("must be a whole number from 1 to %d", annotate.MaxPage), Location: "query.limit", Value: in.Limit})
			}
		}
		out := &deploysOutput{}
		out.Body.Deploys = s.opts.Deploys.Runs(control.Selection{Service: in.Service, Environment: in.Environment, Status: annotate.Status(in.Status)}, limit)
		return out, nil
	}, nil)
}

type targetsOutput struct {
	Body struct {
		Targets []control.TargetView `json:"targets" doc:"By environment and service"`
	}
}

func (s *Server) opDeployTargets() mount {
	op := huma.Operation{
		OperationID: "list-deploy-targets", Summary: "What can be deployed where, what runs and waits there, and how long it takes", Tags: []string{"deploys"},
	}
	return operation(op, "query", func(context.Context, *call) (*targetsOutput, error) {
		out := &targetsOutput{}
		out.Body.Targets = s.opts.Deploys.Targets()
		return out, nil
	}, nil)
}

type deployInput struct {
	call
	ID string `path:"id" doc:"The deploy's id, which is that of its change"`
}

type deployOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     control.View
}

func (s *Server) opGetDeploy() mount {
	op := huma.Operation{OperationID: "get-deploy", Summary: "How it stands with a deploy", Tags: []string{"deploys"}}
	return operation(op, "path", func(_ context.Context, in *deployInput) (*deployOutput, error) {
		v, err := s.opts.Deploys.Get(in.ID)
		return &deployOutput{Status: http.StatusOK, Body: v}, err
	}, nil)
}

// DeploySaying is what every body says that asks for a deploy, beside what to deploy.
type DeploySaying struct {
	Parameters map[string]string `json:"parameters,omitempty" doc:"What else the target lets its callers choose"`
	Reason     string            `json:"reason,omitempty" doc:"Why, for whoever reads the log; some environments ask for it, and so does override"`
	Who        *annotate.Who     `json:"who,omitempty" doc:"The person for whom a trusted caller acts: a name, or an object with name and type"`
	ExternalID string            `json:"external_id,omitempty" doc:"Your own id for it: asked for twice with the same, it is deployed once"`
	IfHeld     string            `json:"if_held,omitempty" enum:"fail,wait" doc:"What to do while somebody holds the target, or it is frozen: fail, which is the default, or wait"`
	Override   []string          `json:"override,omitempty" doc:"The ids of holds, and the names of freezes, to pass; the reason is recorded"`
}

// request is what the body asks for, in the caller's name.
func (b DeploySaying) request(ctx context.Context, s *Server) (control.Request, error) {
	if b.IfHeld != "" && b.IfHeld != "fail" && b.IfHeld != "wait" {
		return control.Request{}, faulty(Fault{Message: "must be fail or wait", Location: "body.if_held", Value: b.IfHeld})
	}
	return control.Request{
		Author: s.deployAuthor(ctx, b.Reason, b.Who), Parameters: b.Parameters, ExternalID: b.ExternalID,
		Wait: b.IfHeld == "wait", Overrides: b.Override,
	}, nil
}

type deployBody struct {
	Service     string `json:"service" doc:"What to deploy"`
	Environment string `json:"environment,omitempty" doc:"Where; it may be left out where there is only one"`
	Version     string `json:"version" doc:"The version to deploy"`
	DeploySaying
}

func (s *Server) opDeploy() mount {
	op := huma.Operation{
		OperationID: "deploy", Summary: "Deploy a version", Tags: []string{"deploys"}, DefaultStatus: http.StatusCreated,
		Description: "It begins as soon as no other deploy of the same target is under way, and nobody holds it. The answer has the id by which it is followed, cancelled and rolled back.",
	}
	return operation(op, "body", func(ctx context.Context, in *call) (*deployOutput, error) {
		body, err := readInto[deployBody](s, in.http, false)
		if err != nil {
			return nil, err
		}
		id, err := s.opts.Deploys.Target(body.Service, body.Environment)
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, id.Environment); err != nil {
			return nil, err
		}
		r, err := body.request(ctx, s)
		if err != nil {
			return nil, err
		}
		r.Service, r.Environment, r.Version = id.Service, id.Environment, body.Version
		v, created, err := s.opts.Deploys.Start(ctx, r)
		return s.asked(v, created), err
	}, documentBody[deployBody](false))
}

// documentBody tells of a body that is a T, and whether it may be left out.
func documentBody[T any](optional bool) func(*huma.Operation, huma.Registry) {
	return func(op *huma.Operation, registry huma.Registry) {
		op.RequestBody = jsonBody(registry.Schema(reflect.TypeFor[T](), true, op.OperationID))
		op.RequestBody.Required = !optional
	}
}

// asked is the answer to who asked for a deploy.
func (s *Server) asked(v control.View, created bool) *deployOutput {
	out := &deployOutput{Status: http.StatusOK, Location: s.prefix + deploysPath + "/" + v.ID, Body: v}
	if created {
		out.Status = http.StatusCreated
	}
	return out
}

func (s *Server) opRollback() mount {
	op := huma.Operation{
		OperationID: "rollback-deploy", Summary: "Deploy the last good version again", Tags: []string{"deploys"}, DefaultStatus: http.StatusCreated,
		Description: "The id is that of any deploy of a target in the log, also of one that ran elsewhere. It goes before all that wait, no freeze stops it, and the deploy is cancelled where it is still under way. Its change undoes the other.",
	}
	return operation(op, "body", func(ctx context.Context, in *deployInput) (*deployOutput, error) {
		body, err := readInto[DeploySaying](s, in.http, true)
		if err != nil {
			return nil, err
		}
		undone, err := s.opts.Changes.Get(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, undone.Environment); err != nil {
			return nil, err
		}
		r, err := body.request(ctx, s)
		if err != nil {
			return nil, err
		}
		r.Service, r.Environment = undone.Service, undone.Environment // what the caller may act on
		v, created, err := s.opts.Deploys.Rollback(ctx, in.ID, r)
		return s.asked(v, created), err
	}, documentBody[DeploySaying](true))
}

func (s *Server) opCancelDeploy() mount {
	op := huma.Operation{
		OperationID: "cancel-deploy", Summary: "Cancel a deploy", Tags: []string{"deploys"}, DefaultStatus: http.StatusOK,
		Description: "One that waits ends at once; one that runs is asked to end, and the answer shows who asked.",
	}
	return operation(op, "body", func(ctx context.Context, in *deployInput) (*deployOutput, error) {
		body, err := readInto[releaseBody](s, in.http, true)
		if err != nil {
			return nil, err
		}
		v, err := s.opts.Deploys.Get(in.ID)
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, v.Environment); err != nil {
			return nil, err
		}
		v, err = s.opts.Deploys.Cancel(ctx, in.ID, s.deployAuthor(ctx, body.Reason, body.Who))
		return &deployOutput{Status: http.StatusOK, Body: v}, err
	}, documentBody[releaseBody](true))
}
