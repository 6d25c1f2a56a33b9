package server

import (
	"context"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate/flag/control"
)

type triggerOutput struct {
	Body struct {
		// Path is below the server's URL.
		Path string `json:"path" doc:"What to POST to, below the server's URL. It is shown this once"`
		URL  string `json:"url,omitempty" doc:"The whole of it, where the server knows how it is reached"`
	}
}

func (s *Server) opRenewTrigger() mount {
	op := huma.Operation{
		OperationID: "renew-kill-trigger", Summary: "Make a URL that can kill this flag and do nothing else", Tags: []string{"flags"},
		Description: "Whoever knows the URL needs no token: give it to a monitor, or put it into a runbook. Making it anew ends the one before.",
	}
	return operation(op, "body", func(ctx context.Context, in *FlagInput) (*triggerOutput, error) {
		id, author, err := s.onTrigger(ctx, in)
		if err != nil {
			return nil, err
		}
		secret, err := s.opts.FlagControl.RenewTrigger(ctx, id, author)
		if err != nil {
			return nil, err
		}
		out := &triggerOutput{}
		out.Body.Path = s.prefix + killPath + url.PathEscape(id.Environment) + "/" + url.PathEscape(id.Key) + "/" + secret
		if s.opts.ExternalURL != nil {
			out.Body.URL = (&url.URL{Scheme: s.opts.ExternalURL.Scheme, Host: s.opts.ExternalURL.Host}).String() + out.Body.Path
		}
		return out, nil
	}, documentSaying)
}

type noOutput struct{ Status int }

func (s *Server) opRemoveTrigger() mount {
	op := huma.Operation{OperationID: "remove-kill-trigger", Summary: "Take a flag's kill trigger away", Tags: []string{"flags"}, DefaultStatus: 204}
	return operation(op, "body", func(ctx context.Context, in *FlagInput) (*noOutput, error) {
		id, author, err := s.onTrigger(ctx, in)
		if err != nil {
			return nil, err
		}
		return &noOutput{Status: 204}, s.opts.FlagControl.RemoveTrigger(ctx, id, author)
	}, documentSaying)
}

// documentSaying documents a body that has nothing but a Saying.
func documentSaying(op *huma.Operation, registry huma.Registry) {
	op.RequestBody = jsonBody(schemaOf[Saying](registry))
	op.RequestBody.Required = false
}

// onTrigger reads whose trigger is meant, and who asks.
func (s *Server) onTrigger(ctx context.Context, in *FlagInput) (control.ID, control.Author, error) {
	id, err := in.id(s)
	if err == nil {
		err = s.may(ctx, id.Environment)
	}
	if err != nil {
		return control.ID{}, control.Author{}, err
	}
	said, err := readInto[Saying](s, in.http, true)
	return id, s.author(ctx, said), err
}

type pullInput struct {
	call
	Environment string `path:"environment"`
	Key         string `path:"key"`
	Secret      string `path:"secret" doc:"What the making of the trigger told"`
}

type pulledOutput struct {
	Body struct {
		Killed bool `json:"killed" doc:"Always true: the flag is disabled"`
	}
}

func (s *Server) opPullTrigger() mount {
	op := huma.Operation{
		OperationID: "pull-kill-trigger", Summary: "Kill a flag by its trigger", Tags: []string{"flags"},
		Description: "It takes no token and no body. It tells nothing of the flag, and can be pulled again without harm.",
	}
	return operation(op, "path", func(ctx context.Context, in *pullInput) (*pulledOutput, error) {
		id := control.ID{Environment: unescaped(in.http, in.Environment), Key: unescaped(in.http, in.Key)}
		if _, err := s.opts.FlagControl.PullTrigger(ctx, id, in.Secret, "kill trigger"); err != nil {
			return nil, err
		}
		out := &pulledOutput{}
		out.Body.Killed = true
		return out, nil
	}, nil)
}
