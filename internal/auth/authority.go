package auth

import (
	"net/http"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/VictoriaMetrics/metrics"
)

// OnBehalfOf is the header in which a trusted caller names the person for whom
// it acts.
const OnBehalfOf = "X-Tidemark-On-Behalf-Of"

// maxPerson is how long that person's name may be, in bytes.
const maxPerson = 200

const (
	localName     = "local"
	anonymousName = "anonymous"
)

// TokenSource knows the tokens. All methods must answer from memory.
type TokenSource interface {
	// Any reports whether there is any token.
	Any() bool
	// Lookup returns the token with the text given, unless it has ended.
	Lookup(text string) (Token, bool)
	// ByID returns the token with the id given, unless it has ended.
	ByID(id string) (Token, bool)
}

// UserSource knows the users of the web configuration file.
type UserSource interface {
	// Any reports whether there is any user.
	Any() bool
	// Verify reports whether there is a user of that name and password.
	Verify(name, password string) bool
}

// Settings are what the configuration decides, and a reload may change.
type Settings struct {
	// Anonymous is the role of a caller without credentials: None, Evaluator or
	// Viewer.
	Anonymous Role
	// Users are the roles of the web configuration file's users. One who is
	// not named here is a viewer.
	Users map[string]Role
}

// Authority decides who a caller is and whether they may do what they ask for.
type Authority struct {
	tokens   TokenSource
	users    UserSource
	settings atomic.Pointer[Settings]

	badToken, badPassword, badScheme, crossSite *metrics.Counter
}

// NewAuthority returns an Authority over the tokens and users given. It counts
// what it refuses in set:
//
//	tidemark_auth_failures_total{reason="token"|"password"|"scheme"|"cross_site"}
func NewAuthority(tokens TokenSource, users UserSource, s Settings, set *metrics.Set) *Authority {
	a := &Authority{
		tokens:      tokens,
		users:       users,
		badToken:    set.GetOrCreateCounter(`tidemark_auth_failures_total{reason="token"}`),
		badPassword: set.GetOrCreateCounter(`tidemark_auth_failures_total{reason="password"}`),
		badScheme:   set.GetOrCreateCounter(`tidemark_auth_failures_total{reason="scheme"}`),
		crossSite:   set.GetOrCreateCounter(`tidemark_auth_failures_total{reason="cross_site"}`),
	}
	a.Apply(s)
	return a
}

// Apply takes over new settings, for the requests from now on. An anonymous
// caller never gets more than to read.
func (a *Authority) Apply(s Settings) {
	s.Anonymous = min(s.Anonymous, Viewer)
	a.settings.Store(&s)
}

// Authorize returns who made r, or an *Error if they may not do what the role
// need is for. onLoopback says that the server listens where only its own
// machine can reach it.
func (a *Authority) Authorize(r *http.Request, need Role, onLoopback bool) (Identity, error) {
	id, err := a.Identify(r, onLoopback)
	if err != nil {
		return Identity{}, err
	}
	if id.Role < need {
		return id, tooLow(id, need)
	}
	// A browser adds a remembered password to what any web site makes it send;
	// a token it never adds by itself.
	if id.Kind == ByPassword && need > Viewer {
		if why := fromOtherSite(r); why != "" {
			a.crossSite.Inc()
			return id, refuse(Forbidden, "the request is refused because "+why+"; send it from Tidemark's own pages, or with a token")
		}
	}
	return id, nil
}

// Identify returns who made r. Credentials that are wrong are an *Error, and
// never turn a caller into an anonymous one.
func (a *Authority) Identify(r *http.Request, onLoopback bool) (Identity, error) {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return a.byToken(r, key)
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return a.withoutCredentials(r, onLoopback), nil
	}
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return a.byToken(r, strings.TrimSpace(rest))
	case strings.EqualFold(scheme, "Basic"):
		return a.byPassword(r)
	}
	a.badScheme.Inc()
	return Identity{}, refuse(Unauthenticated, "the Authorization header is of an unknown kind; send Bearer and a token")
}

func (a *Authority) byToken(r *http.Request, text string) (Identity, error) {
	token, ok := a.tokens.Lookup(text)
	if !ok {
		a.badToken.Inc()
		return Identity{}, refuse(Unauthenticated, "the token is unknown, revoked or expired; make one with tidemark token create")
	}
	id := Identity{Name: token.Name, Role: token.Role, Kind: ByToken, token: token}
	if person := r.Header.Get(OnBehalfOf); person != "" && token.Role >= Operator {
		if len(person) > maxPerson || !utf8.ValidString(person) || strings.IndexFunc(person, unicode.IsControl) >= 0 {
			return Identity{}, refuse(Malformed, "the header "+OnBehalfOf+" must be one line of UTF-8 with at most 200 bytes")
		}
		id.Person = person
	}
	return id, nil
}

func (a *Authority) byPassword(r *http.Request) (Identity, error) {
	name, password, ok := r.BasicAuth()
	if !ok || !a.users.Verify(name, password) {
		a.badPassword.Inc()
		return Identity{}, refuse(Unauthenticated, "the user or password is wrong; users are those of the web configuration file")
	}
	role, ok := a.settings.Load().Users[name]
	if !ok {
		role = Viewer
	}
	return Identity{Name: name, Role: role, Kind: ByPassword}, nil
}

func (a *Authority) withoutCredentials(r *http.Request, onLoopback bool) Identity {
	id := Identity{Name: anonymousName, Kind: Anonymous, Role: a.settings.Load().Anonymous}
	if !onLoopback || a.tokens.Any() || a.users.Any() {
		return id
	}
	if why := notLocal(r); why != "" {
		id.hint = "only this machine may write without one, and the request does not count as that because " + why
		return id
	}
	return Identity{Name: localName, Role: Operator, Kind: Local}
}

// tooLow says what the caller would need.
func tooLow(id Identity, need Role) *Error {
	if id.Kind != Anonymous {
		return refuse(Forbidden, "this needs the role "+need.String()+", and "+id.Name+" is "+id.Role.String())
	}
	message := "this needs a token with the role " + need.String() +
		": make one with tidemark token create, and send it as Authorization: Bearer TOKEN"
	if id.hint != "" {
		message += "; " + id.hint
	}
	return refuse(Unauthenticated, message)
}
