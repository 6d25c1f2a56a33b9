package auth

import "fmt"

// Role is what a caller may do. Each role may do all that the ones before it may.
type Role int

// The roles.
const (
	// None may do nothing but ask whether the server is up.
	None Role = iota
	// Evaluator evaluates flags, and that is all: the role of tokens that
	// everybody can read, in browsers and apps.
	Evaluator
	// Viewer reads everything but secrets.
	Viewer
	// Operator also records changes and pushes samples.
	Operator
	// Admin also deletes samples and changes what reaches other people's systems.
	Admin
)

// ParseRole reads a role's name.
func ParseRole(name string) (Role, error) {
	for _, role := range []Role{None, Evaluator, Viewer, Operator, Admin} {
		if role.String() == name {
			return role, nil
		}
	}
	return None, fmt.Errorf("%q is no role; it must be evaluator, viewer, operator or admin", name)
}

// String returns the role's name.
func (r Role) String() string {
	switch r {
	case None:
		return "none"
	case Evaluator:
		return "evaluator"
	case Viewer:
		return "viewer"
	case Operator:
		return "operator"
	case Admin:
		return "admin"
	}
	return fmt.Sprintf("role(%d)", int(r))
}

// MarshalText implements encoding.TextMarshaler.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(text []byte) error {
	role, err := ParseRole(string(text))
	if err != nil {
		return err
	}
	*r = role
	return nil
}
