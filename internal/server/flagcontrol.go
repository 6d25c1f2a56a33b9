package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/internal/auth"
)

// FlagControl is what reads and changes flags. Its errors are *annotate.Error
// where a caller can do something about them.
type FlagControl interface {
	// Environments returns the names of those that have flags, sorted.
	Environments() []string
	// Get returns a flag, which nobody may alter.
	Get(id control.ID) (flag.Flag, error)
	// List returns a page of the flags of an environment, by their keys.
	List(q control.Query) (control.Page, error)
	// History returns revisions of a flag, newest first.
	History(ctx context.Context, id control.ID, before int64, limit int) ([]control.Revision, error)
	// Write does cmd, durably, and Preview says what it would do.
	Write(ctx context.Context, r control.Request, cmd control.Command) (control.Written, error)
	Preview(ctx context.Context, r control.Request, cmd control.Command, contexts []map[string]any) (control.Preview, error)
	// RenewTrigger makes a flag's kill trigger and returns its secret, which
	// PullTrigger knows again; RemoveTrigger takes it away.
	RenewTrigger(ctx context.Context, id control.ID, by control.Author) (string, error)
	RemoveTrigger(ctx context.Context, id control.ID, by control.Author) error
	HasTrigger(id control.ID) bool
	PullTrigger(ctx context.Context, id control.ID, secret, by string) (control.Written, error)
	// Findings returns what is to be said about the flags of an environment.
	Findings(environment string) ([]flag.Finding, error)
	// LastEvaluated returns when a flag was last asked for; the zero time for one
	// that was not since the start.
	LastEvaluated(id control.ID) time.Time
}

const (
	flagsPath = "/api/v1/flags"
	// killPath is below what every kill trigger is; what comes after it is secret.
	killPath = "/hooks/kill/"
)

// flagControlRoutes are the routes that read and change flags.
func (s *Server) flagControlRoutes() []*route {
	if s.opts.FlagControl == nil {
		return nil
	}
	const one = flagsPath + "/{key}"
	read := func(path string, m mount) *route {
		return &route{method: http.MethodGet, path: path, need: auth.Viewer, class: reading, mount: m}
	}
	write := func(method, path string, m mount) *route {
		return &route{method: method, path: path, need: auth.Operator, class: writing, mount: m}
	}
	return []*route{
		read(flagsPath, s.opListFlags()),
		read("/api/v1/flag_findings", s.opFlagFindings()),
		read("/api/v1/flag_files", s.opFlagFiles()),
		read(one, s.opGetFlag()),
		read(one+"/history", s.opFlagHistory()),
		write(http.MethodPut, one, s.opPutFlag()),
		write(http.MethodPatch, one, s.opPatchFlag()),
		write(http.MethodDelete, one, s.opDeleteFlag()),
		write(http.MethodPost, one+"/flip", s.opFlip()),
		write(http.MethodPost, one+"/rollout", s.opRollout()),
		write(http.MethodPost, one+"/kill", s.opKill()),
		write(http.MethodDelete, one+"/ramp", s.opStopRamp()),
		write(http.MethodPost, one+"/schedule", s.opSchedule()),
		write(http.MethodDelete, one+"/schedule/{id}", s.opUnschedule()),
		write(http.MethodPost, one+"/restore", s.opRestore()),
		write(http.MethodPost, one+"/trigger", s.opRenewTrigger()),
		write(http.MethodDelete, one+"/trigger", s.opRemoveTrigger()),
		// Whoever knows the secret may do this one thing.
		{method: http.MethodPost, path: killPath + "{environment}/{key}/{secret}", need: auth.None, class: writing, secret: true, mount: s.opPullTrigger()},
	}
}

// EnvironmentInput is the query parameter by which every request about flags
// says which environment it is about.
type EnvironmentInput struct {
	call
	Environment string `query:"environment" doc:"Which environment's flag; the default one where it is not given"`
}

// named returns the environment that is meant, and refuses parameters that
// nobody reads: one that is misspelt would mean another environment.
func (in *EnvironmentInput) named(s *Server, others ...string) (string, error) {
	for name := range in.http.URL.Query() {
		if name != "environment" && !slices.Contains(others, name) {
			return "", faulty(Fault{
				Message:  "is no parameter here; there are " + strings.Join(append([]string{"environment"}, others...), ", "),
				Location: "query." + name,
			})
		}
	}
	return or(in.Environment, s.opts.FlagEnvironment()), nil
}

// FlagInput names one flag.
type FlagInput struct {
	EnvironmentInput
	Key string `path:"key" doc:"The flag's key"`
}

func (in *FlagInput) id(s *Server, others ...string) (control.ID, error) {
	environment, err := in.named(s, others...)
	if err != nil {
		return control.ID{}, err
	}
	return control.ID{Environment: environment, Key: unescaped(in.http, in.Key)}, nil
}

// unescaped returns a parameter of r's path as it was meant.
func unescaped(r *http.Request, value string) string {
	if r.URL.RawPath == "" {
		return value
	}
	if meant, err := url.PathUnescape(value); err == nil {
		return meant
	}
	return value
}

// may returns an error unless the caller may act on an environment, or on all where
// it is empty, for which the configuration may ask more than a route does.
func (s *Server) may(ctx context.Context, environment string) error {
	who, need := exchangeOf(ctx).who, auth.Operator
	if s.opts.EnvironmentNeeds != nil {
		need = max(need, s.opts.EnvironmentNeeds(environment))
	}
	if who.Role >= need {
		return nil
	}
	return newProblem(http.StatusForbidden, fmt.Sprintf(
		"acting on %s needs the role %s, and %s is %s; auth.environments in the configuration says so", or(environment, "all environments"), need, who.Name, who.Role))
}

// entityTag is a flag's revision as an ETag.
func entityTag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// condition reads the headers by which a caller says what must hold.
func condition(h http.Header) (c control.Condition, err error) {
	if none := h.Get("If-None-Match"); none != "" {
		if none != "*" {
			return c, newProblem(http.StatusBadRequest, "If-None-Match can only be * here, which writes a flag only if there is none yet; to write one as you know it, send If-Match with its ETag")
		}
		c.Absent = true
	}
	match := h.Get("If-Match")
	switch match {
	case "":
		return c, nil
	case "*":
		return c, newProblem(http.StatusBadRequest, "If-Match must be the ETag of the flag as you read it; to change it whatever it is, leave the header out")
	}
	revision, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 64)
	if err != nil || revision < 1 || len(match) < 3 || match[0] != '"' || match[len(match)-1] != '"' {
		return c, newProblem(http.StatusBadRequest, `If-Match must be one ETag of the flag, such as "12" with its quotes`)
	}
	c.Revision = revision
	return c, nil
}

// unmet returns err as the answer to a caller who asked for a condition that
// does not hold (RFC 9110, section 13.1).
func unmet(err error) error {
	if !errors.Is(err, control.ErrCondition) {
		return err
	}
	p := problemOf(err, "body")
	p.Status, p.Title = http.StatusPreconditionFailed, http.StatusText(http.StatusPreconditionFailed)
	return p
}
