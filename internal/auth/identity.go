package auth

// Kind is how a caller was known.
type Kind string

// The kinds of callers.
const (
	// Anonymous showed nothing.
	Anonymous Kind = "anonymous"
	// Local called from the same machine while nothing else was set up.
	Local Kind = "local"
	// ByToken showed a token.
	ByToken Kind = "token"
	// ByPassword is a user of the web configuration file.
	ByPassword Kind = "user"
)

// Identity is a caller, as far as they are known.
type Identity struct {
	// Name is the token's or the user's, "local", or "anonymous".
	Name string
	Role Role
	Kind Kind
	// Person is whom a trusted caller acts for; empty for itself.
	Person string

	// token is the one that was shown; without an id for none.
	token Token
	// hint says what keeps a caller without credentials from writing.
	hint string
}

// Attribution is the name under which the caller's writes are kept.
func (i Identity) Attribution() string {
	if i.Person == "" {
		return i.Name
	}
	return i.Name + " for " + i.Person
}
