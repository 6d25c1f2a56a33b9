package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// Settings are what the configuration decides, and a reload may change.
type Settings struct {
	// Environments are those that have flags. Flags of others are kept, but
	// neither evaluated nor changed.
	Environments []string
	// RequireReason are the environments in which a change needs a reason.
	RequireReason []string
	// MaxFlags is how many flags an environment may have; DefaultMaxFlags where it is 0.
	MaxFlags int
}

// DefaultMaxFlags is how many flags an environment may have unless the settings say it.
const DefaultMaxFlags = 5000

func (s Settings) maxFlags() int {
	if s.MaxFlags <= 0 {
		return DefaultMaxFlags
	}
	return s.MaxFlags
}

// check refuses names that a flag's document cannot have.
func (s Settings) check() error {
	for _, name := range s.Environments {
		if name == "" || len(name) > annotate.MaxName || strings.ContainsAny(name, "/\"\\\n") {
			return fmt.Errorf("%q cannot be the name of an environment", name)
		}
	}
	return nil
}

// MaxReason is how long a reason may be, in bytes.
const MaxReason = 8 << 10

// checkAuthor returns an Invalid error for an author who must say why, and does
// not, or who says too much.
func (s Settings) checkAuthor(a Author, environment string) error {
	if len(a.Reason) > MaxReason {
		return &annotate.Error{Code: annotate.Invalid, Field: "reason", Value: len(a.Reason), Message: fmt.Sprintf("is %d bytes long; at most %d are kept", len(a.Reason), MaxReason)}
	}
	if strings.TrimSpace(a.Reason) != "" || !slices.Contains(s.RequireReason, environment) {
		return nil
	}
	return &annotate.Error{Code: annotate.Invalid, Field: "reason", Message: fmt.Sprintf("is missing; in %s each change of a flag says why", environment)}
}
