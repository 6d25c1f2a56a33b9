package flag

import (
	"maps"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/ffcontext"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"
)

// Context is for whom, or for what, flags are evaluated. It is read once and
// serves any number of flags and goroutines; what the caller gave is never written to.
type Context struct {
	library ffcontext.Context
	key     string
	// date is the time that the context asks for in place of the real one.
	date *time.Time
	// only are the keys to which a bulk evaluation is to be limited.
	only []string
}

// NewContext returns the context of a targeting key and attributes, which may be
// nil. Numbers without a fraction become integers, as in GO Feature Flag's own
// servers, so that a query such as "age eq 30" matches. The map's values are
// shared: nobody may alter them as long as the context is in use.
func NewContext(targetingKey string, attributes map[string]any) *Context {
	library := utils.ConvertEvaluationCtxFromRequest(targetingKey, attributes)
	c := &Context{library: library, key: targetingKey}
	if _, special := library.GetCustom()["gofeatureflag"]; special {
		fields := library.ExtractGOFFProtectedFields()
		c.date, c.only = fields.CurrentDateTime, once(fields.FlagList)
	}
	return c
}

// once returns list without what is in it already: each flag is asked once, however
// often a caller names it.
func once(list []string) []string {
	seen := make(map[string]bool, len(list))
	var only []string
	for _, key := range list {
		if !seen[key] {
			seen[key] = true
			only = append(only, key)
		}
	}
	return only
}

// ContextFromOFREP returns the context of an OFREP request's decoded "context",
// which is nil where there was none. The error is an *EvaluationError. A missing
// targeting key is none: only flags that split by it need one, and say so.
// https://github.com/open-feature/protocol/blob/main/service/openapi.yaml
func ContextFromOFREP(context map[string]any) (*Context, error) {
	key := ""
	if said, ok := context["targetingKey"]; ok && said != nil {
		if key, ok = said.(string); !ok {
			return nil, &EvaluationError{Code: CodeInvalidContext, Message: "context.targetingKey must be a string"}
		}
	}
	return NewContext(key, context), nil
}

// RelayRequest is the body of a request to the evaluation endpoints of GO
// Feature Flag's relay proxy, /v1/feature/{key}/eval and /v1/allflags.
// https://gofeatureflag.org/API_relayproxy
type RelayRequest struct {
	EvaluationContext *RelayContext `json:"evaluationContext,omitempty"`
	// User is what older clients send in place of EvaluationContext.
	User         *RelayContext `json:"user,omitempty"`
	DefaultValue any           `json:"defaultValue,omitempty"`
}

// RelayContext is the context of a RelayRequest.
type RelayContext struct {
	Key       string         `json:"key"`
	Anonymous bool           `json:"anonymous,omitempty"`
	Custom    map[string]any `json:"custom,omitempty"`
}

// Context returns the context of r. The error is an *EvaluationError.
func (r RelayRequest) Context() (*Context, error) {
	switch {
	case r.EvaluationContext != nil:
		return NewContext(r.EvaluationContext.Key, r.EvaluationContext.Custom), nil
	case r.User != nil:
		custom := make(map[string]any, len(r.User.Custom)+1)
		custom["anonymous"] = r.User.Anonymous
		maps.Copy(custom, r.User.Custom)
		return NewContext(r.User.Key, custom), nil
	default:
		return nil, &EvaluationError{Code: CodeInvalidContext, Message: "evaluationContext is missing"}
	}
}

// TargetingKey returns the key by which the context is told from others.
func (c *Context) TargetingKey() string { return c.key }

// Library returns c as GO Feature Flag's library has it. It is shared: nobody may alter it.
func (c *Context) Library() ffcontext.Context { return c.library }

// at returns the time of an evaluation at now: the context's own, where it has one.
func (c *Context) at(now time.Time) time.Time {
	if c.date != nil {
		return *c.date
	}
	return now
}
