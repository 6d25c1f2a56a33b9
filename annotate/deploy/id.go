package deploy

import (
	"fmt"
	"regexp"

	"github.com/tidemark/tidemark/annotate"
)

// ID names a target: what is deployed, and where.
type ID struct {
	Service     string `json:"service" doc:"What is deployed"`
	Environment string `json:"environment" doc:"Where"`
}

// String names the target in a sentence.
func (id ID) String() string { return id.Service + " in " + id.Environment }

// Key is the name of the target as one word, which no other target has.
func (id ID) Key() string { return id.Environment + "/" + id.Service }

// namePattern is what services and environments may be called: names go into
// paths, and into the arguments of commands.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// Check returns an Invalid error for a name that no target can have.
func (id ID) Check() error {
	for _, name := range []struct{ field, value string }{{"service", id.Service}, {"environment", id.Environment}} {
		if len(name.value) > annotate.MaxName/2 || !namePattern.MatchString(name.value) {
			return invalid(name.field, name.value, "must have from 1 to %d letters, digits, dots, dashes and underscores, and begin with none of the dots and dashes", annotate.MaxName/2)
		}
	}
	return nil
}

func invalid(field string, value any, format string, args ...any) *annotate.Error {
	return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}
