package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// known is a TokenSource and a UserSource in memory.
type known struct {
	tokens map[string]Token
	users  map[string]string
}

func (k known) Lookup(text string) (Token, bool) { t, ok := k.tokens[text]; return t, ok }

func (k known) ByID(id string) (Token, bool) {
	for _, t := range k.tokens {
		if t.ID == id {
			return t, true
		}
	}
	return Token{}, false
}

type knownTokens struct{ known }

func (k knownTokens) Any() bool { return len(k.tokens) > 0 }

type knownUsers struct{ known }

func (k knownUsers) Any() bool { return len(k.users) > 0 }
func (k knownUsers) Verify(name, password string) bool {
	want, ok := k.users[name]
	return ok && want == password
}

func authority(k known, s Settings) *Authority {
	return NewAuthority(knownTokens{k}, knownUsers{k}, s, metrics.NewSet())
}

func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9797/api/v1/changes", nil)
	r.RemoteAddr = "127.0.0.1:50000"
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "RemoteAddr":
			r.RemoteAddr = headers[i+1]
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

func TestLocalCallers(t *testing.T) {
	a := authority(known{}, Settings{Anonymous: Viewer})
	f := func(want Kind, headers ...string) {
		t.Helper()
		id, err := a.Identify(request(headers...), true)
		require.NoError(t, err)
		require.Equal(t, want, id.Kind)
		_, err = a.Authorize(request(headers...), Operator, true)
		if want == Local {
			require.NoError(t, err)
			require.Equal(t, "local", id.Attribution())
			return
		}
		var refusal *Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, Unauthenticated, refusal.Code)
		require.Contains(t, refusal.Message, "does not count as that because")
	}
	f(Local)
	f(Local, "Host", "localhost:9797")
	f(Local, "Host", "LOCALHOST")
	f(Local, "Host", "127.8.0.1:1")
	f(Local, "Host", "[::1]:9797")
	f(Local, "Host", "[::1]")
	f(Local, "RemoteAddr", "[::1]:5")
	f(Local, "Origin", "http://127.0.0.1:9797")
	f(Local, "Sec-Fetch-Site", "same-origin")
	f(Local, "Sec-Fetch-Site", "none")

	f(Anonymous, "RemoteAddr", "10.0.0.7:5")
	f(Anonymous, "Host", "rebound.example:9797")
	f(Anonymous, "Host", "localhost.evil.example")
	f(Anonymous, "Host", "127.0.0.1.nip.io")
	f(Anonymous, "Host", "")
	f(Anonymous, "Origin", "https://evil.example")
	f(Anonymous, "Origin", "http://127.0.0.1:3000")
	f(Anonymous, "Origin", "null")
	f(Anonymous, "Origin", "http://[")
	f(Anonymous, "Sec-Fetch-Site", "cross-site")
	f(Anonymous, "Sec-Fetch-Site", "same-site")
	f(Anonymous, "Forwarded", "for=10.0.0.7")
	f(Anonymous, "X-Forwarded-For", "127.0.0.1")
	f(Anonymous, "X-Forwarded-Host", "tide.example")
	f(Anonymous, "X-Real-IP", "127.0.0.1")
	f(Anonymous, "Via", "1.1 proxy")
}

func TestLocalCallersEndWithTheFirstCredential(t *testing.T) {
	f := func(k known, onLoopback bool, want Kind) {
		t.Helper()
		id, err := authority(k, Settings{Anonymous: Viewer}).Identify(request(), onLoopback)
		require.NoError(t, err)
		require.Equal(t, want, id.Kind)
	}
	f(known{}, true, Local)
	f(known{}, false, Anonymous)
	f(known{tokens: map[string]Token{"x": {}}}, true, Anonymous)
	f(known{users: map[string]string{"ann": "x"}}, true, Anonymous)
}

func TestAuthorize(t *testing.T) {
	k := known{
		tokens: map[string]Token{"v": {Name: "wall", Role: Viewer}, "o": {Name: "ci", Role: Operator}, "a": {Name: "boss", Role: Admin}},
		users:  map[string]string{"ann": "secret", "bob": "secret"},
	}
	settings := Settings{Anonymous: Viewer, Users: map[string]Role{"ann": Operator}}
	a := authority(k, settings)
	basic := func(user, password string) string {
		r := request()
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	f := func(need Role, want string, headers ...string) {
		t.Helper()
		id, err := a.Authorize(request(headers...), need, true)
		var refusal *Error
		if errors.As(err, &refusal) {
			require.Equal(t, want, string(refusal.Code), refusal.Message)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, id.Attribution())
	}
	f(Viewer, "anonymous")
	f(Operator, "unauthenticated")
	f(Viewer, "wall", "Authorization", "Bearer v")
	f(Operator, "forbidden", "Authorization", "Bearer v")
	f(Operator, "ci", "Authorization", "Bearer o")
	f(Operator, "ci", "Authorization", "bearer  o")
	f(Operator, "ci", "X-API-Key", "o")
	f(Admin, "forbidden", "X-API-Key", "o")
	f(Admin, "boss", "X-API-Key", "a")

	// Wrong credentials never become anonymous.
	f(Viewer, "unauthenticated", "Authorization", "Bearer nope")
	f(Viewer, "unauthenticated", "Authorization", "Bearer")
	f(Viewer, "unauthenticated", "Authorization", "Digest x")
	f(Viewer, "unauthenticated", "X-API-Key", "nope")
	f(Viewer, "unauthenticated", "X-API-Key", "nope", "Authorization", "Bearer o")
	f(Viewer, "unauthenticated", "Authorization", basic("ann", "wrong"))
	f(Viewer, "unauthenticated", "Authorization", basic("eve", "secret"))
	f(Viewer, "unauthenticated", "Authorization", "Basic ???")

	f(Operator, "ann", "Authorization", basic("ann", "secret"))
	f(Viewer, "bob", "Authorization", basic("bob", "secret"))
	f(Operator, "forbidden", "Authorization", basic("bob", "secret"))
	f(Operator, "ci", "Authorization", basic("bob", "secret"), "X-API-Key", "o")

	// A web page that a person's browser shows cannot write in their name.
	f(Operator, "forbidden", "Authorization", basic("ann", "secret"), "Origin", "https://evil.example")
	f(Operator, "forbidden", "Authorization", basic("ann", "secret"), "Sec-Fetch-Site", "cross-site")
	f(Viewer, "ann", "Authorization", basic("ann", "secret"), "Origin", "https://grafana.example")
	f(Operator, "ci", "Authorization", "Bearer o", "Origin", "https://grafana.example")

	f(Operator, "ci for Ann Lee", "Authorization", "Bearer o", OnBehalfOf, "Ann Lee")
	f(Viewer, "wall", "Authorization", "Bearer v", OnBehalfOf, "Ann Lee")
	f(Operator, "ann", "Authorization", basic("ann", "secret"), OnBehalfOf, "Bob")
	f(Viewer, "anonymous", OnBehalfOf, "Bob")
	f(Operator, "malformed", "Authorization", "Bearer o", OnBehalfOf, strings.Repeat("x", 201))
	f(Operator, "malformed", "Authorization", "Bearer o", OnBehalfOf, "a\tb")
	f(Operator, "malformed", "Authorization", "Bearer o", OnBehalfOf, "\xff")

	a.Apply(Settings{Anonymous: None})
	f(Viewer, "unauthenticated")
	f(Viewer, "wall", "Authorization", "Bearer v")
	a.Apply(Settings{Anonymous: Admin})
	f(Operator, "unauthenticated")
}

func TestRoles(t *testing.T) {
	for _, role := range []Role{None, Evaluator, Viewer, Operator, Admin} {
		text, err := role.MarshalText()
		require.NoError(t, err)
		var read Role
		require.NoError(t, read.UnmarshalText(text))
		require.Equal(t, role, read)
	}
	var role Role
	require.ErrorContains(t, role.UnmarshalText([]byte("root")), "viewer, operator or admin")
	require.Equal(t, "role(9)", Role(9).String())
}

func TestUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yml")
	hash := func(password string) string {
		h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		require.NoError(t, err)
		return string(h)
	}
	write := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	write("basic_auth_users:\n  ann: " + hash("one") + "\n")
	users, err := OpenUsers(path)
	require.NoError(t, err)
	now := time.Now()
	users.now = func() time.Time { return now }

	require.True(t, users.Any())
	for range 2 { // the second time from memory
		require.True(t, users.Verify("ann", "one"))
		require.False(t, users.Verify("ann", "two"))
		require.False(t, users.Verify("eve", "one"))
	}
	write("basic_auth_users:\n  ann: " + hash("two") + "\n  bob: " + hash("three") + "\n")
	now = now.Add(2 * lookAgain)
	require.False(t, users.Verify("ann", "one"), "a password that was changed is forgotten")
	require.True(t, users.Verify("bob", "three"))

	write("basic_auth_users: [")
	now = now.Add(2 * lookAgain)
	require.True(t, users.Any(), "a broken file opens nothing")
	require.False(t, users.Verify("bob", "three"))
	write("")
	now = now.Add(2 * lookAgain)
	require.False(t, users.Any())

	none, err := OpenUsers("")
	require.NoError(t, err)
	require.False(t, none.Any())
	require.False(t, none.Verify("", ""))
	_, err = OpenUsers(path + ".missing")
	require.ErrorContains(t, err, "web configuration")
}

func BenchmarkAuthorize(b *testing.B) {
	tokens := openTokens(b, filepath.Join(b.TempDir(), "auth.db"))
	text, _, err := tokens.Create(b.Context(), "ci", Operator, time.Time{})
	require.NoError(b, err)
	a := NewAuthority(tokens, &Users{}, Settings{Anonymous: Viewer}, metrics.NewSet())
	f := func(name string, need Role, headers ...string) {
		r := request(headers...)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Authorize(r, need, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("token", Operator, "Authorization", "Bearer "+text)
	f("anonymous", Viewer)
}
