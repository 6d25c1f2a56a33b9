package server

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/internal/auth"
)

// controlled starts a server with controls of flags over its own change log.
func controlled(t *testing.T, settings control.Settings) *running {
	t.Helper()
	if len(settings.Environments) == 0 {
		settings.Environments = []string{"production", "staging"}
	}
	return start(t, func(o *Options) {
		o.FlagControl = newControl(t, o.Changes.(*changelog.Log), metrics.NewSet(), settings)
		o.EnvironmentNeeds = func(environment string) auth.Role {
			if environment == "production" {
				return auth.Admin
			}
			return auth.Operator
		}
		o.FlagEnvironment = func() string { return "staging" }
	})
}

func newControl(t testing.TB, log *changelog.Log, set *metrics.Set, settings control.Settings) *control.Control {
	t.Helper()
	c, err := control.Open(t.Context(), control.Options{Log: log, Settings: settings, Tally: flag.NewTally(set), Metrics: set})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

const checkout = `{"definition":{
	"variations": {"on": true, "off": false},
	"targeting": [{"name": "beta", "query": "beta eq true", "variation": "on"}],
	"defaultRule": {"variation": "off"},
	"metadata": {"owner": "ada", "service": "web", "description": "the new checkout"}
}, "reason": "to begin with"}`

// written is what a write answers, as far as the tests look.
type written struct {
	Flag struct {
		Revision   int64
		By         string
		Definition flag.Definition
		Ramp       *flag.Ramp
		Schedule   []flag.Scheduled
	}
	Created, Deleted, Changed bool
	Change                    *struct {
		ID, Kind, Service, Environment, Text, Undoes string
		Flag                                         struct{ From, To any }
	}
	Rules int
}

func TestFlagsAreDefinedFlippedAndRestored(t *testing.T) {
	s := controlled(t, control.Settings{})
	do := func(method, path, body string, status int, headers ...string) (answer, written) {
		t.Helper()
		a := s.do(method, "/api/v1/flags/"+path, body, headers...)
		require.Equal(t, status, a.status, a.body)
		if status >= 300 {
			return a, written{}
		}
		return a, decodeAs[written](t, a.body)
	}
	a, w := do("PUT", "new-checkout", checkout, 201)
	require.Equal(t, `"1"`, a.header.Get("ETag"))
	require.True(t, w.Created)
	require.Equal(t, "to begin with", w.Change.Text)
	require.Equal(t, "web", w.Change.Service)

	_, w = do("PUT", "new-checkout", checkout, 200)
	require.False(t, w.Changed, "nothing new is said")

	_, w = do("POST", "new-checkout/flip", `{"to":"on","reason":"launch","who":"grace"}`, 200)
	require.Equal(t, "off", w.Change.Flag.From)
	require.Equal(t, "on", w.Change.Flag.To)
	require.Equal(t, 1, w.Rules, "it says that a targeting rule still applies")
	flip := w.Change.ID

	_, w = do("POST", "new-checkout/rollout", `{"variation":"on","percentage":10}`, 200)
	require.Equal(t, map[string]any{"on": 10.0, "off": 90.0}, w.Change.Flag.To)

	_, w = do("POST", "new-checkout/rollout", `{"variation":"on","to":50,"over":"1h","steps":4}`, 200)
	require.Equal(t, 10.0, w.Flag.Ramp.From, "a ramp begins where the flag is")
	_, w = do("DELETE", "new-checkout/ramp", "", 200)
	require.Nil(t, w.Flag.Ramp)

	do("POST", "new-checkout/schedule", `{"at":"2999-01-01T00:00:00Z","do":{"kill":{}}}`, 422)
	_, w = do("POST", "new-checkout/schedule", `{"at":"`+s.in1h()+`","do":{"flip":{"to":"off"}}}`, 200)
	require.Len(t, w.Flag.Schedule, 1)
	_, w = do("DELETE", "new-checkout/schedule/"+w.Flag.Schedule[0].ID, "", 200)
	require.Empty(t, w.Flag.Schedule)

	_, w = do("POST", "new-checkout/kill", "", 200)
	require.Equal(t, flag.CodeDefault, w.Change.Flag.To)

	history := decodeAs[struct{ Revisions []control.Revision }](t, s.do("GET", "/api/v1/flags/new-checkout/history?limit=100", "").body)
	require.Equal(t, w.Flag.Revision, history.Revisions[0].Flag.Revision)
	revision := int64(0)
	for _, r := range history.Revisions {
		if r.Flag.Change == flip {
			revision = r.Flag.Revision
		}
	}
	a, w = do("POST", "new-checkout/restore", `{"revision":`+itoa(revision)+`}`, 200)
	require.Equal(t, "on", w.Change.Flag.To, a.body)
	require.NotEmpty(t, w.Change.Undoes)

	_, w = do("DELETE", "new-checkout", `{"reason":"done"}`, 200)
	require.True(t, w.Deleted)
	do("POST", "new-checkout/flip", `{"to":"on"}`, 404)
}

func TestTwoPeopleNeverOverwriteEachOther(t *testing.T) {
	s := controlled(t, control.Settings{})
	f := func(want int, method, path, body string, headers ...string) {
		t.Helper()
		a := s.do(method, "/api/v1/flags/new-checkout"+path, body, headers...)
		require.Equal(t, want, a.status, a.body)
	}
	f(201, "PUT", "", checkout, "If-None-Match", "*")
	f(412, "PUT", "", checkout, "If-None-Match", "*")
	f(400, "PUT", "", checkout, "If-None-Match", `"1"`)
	f(400, "PUT", "", checkout, "If-Match", `1`)
	f(400, "PUT", "", checkout, "If-Match", `*`)
	f(200, "POST", "/flip", `{"to":"on"}`, "If-Match", `"1"`)
	f(412, "POST", "/flip", `{"to":"off"}`, "If-Match", `"1"`)
	f(412, "DELETE", "", "", "If-Match", `"1"`)
	f(200, "DELETE", "", "", "If-Match", `"2"`)
}

func TestADryRunChangesNothing(t *testing.T) {
	s := controlled(t, control.Settings{})
	require.Equal(t, 201, s.do("PUT", "/api/v1/flags/new-checkout", checkout).status)
	a := s.do("POST", "/api/v1/flags/new-checkout/flip?dry_run=true",
		`{"to":"on","contexts":[{"targetingKey":"ada"},{"targetingKey":"bob","beta":true}]}`)
	require.Equal(t, 200, a.status, a.body)
	preview := decodeAs[control.Preview](t, a.body)
	require.Equal(t, flag.Shares{"off": 100}, preview.From)
	require.Equal(t, flag.Shares{"on": 100}, preview.To)
	require.Len(t, preview.Contexts, 1, "a rule gives bob what he had")
	require.Equal(t, "ada", preview.Contexts[0].Context["targetingKey"])
	for _, unclear := range []string{"dry_run", "dry_run=", "dry_run=yes", "dry_run=false&dry_run=true"} {
		a := s.do("POST", "/api/v1/flags/new-checkout/flip?"+unclear, `{"to":"on"}`)
		require.Equal(t, 422, a.status, "%s: %s", unclear, a.body)
	}
	require.Equal(t, `"1"`, s.do("GET", "/api/v1/flags/new-checkout", "").header.Get("ETag"))
}

func TestAFileThatIsRefusedIsTold(t *testing.T) {
	s := controlled(t, control.Settings{})
	require.Contains(t, s.do("GET", "/api/v1/flag_files", "").body, "new-checkout.defaultRule: is missing")
	require.Equal(t, 422, s.do("GET", "/api/v1/flag_files?environment=production", "").status)
}

func TestWhoMayChangeFlags(t *testing.T) {
	s := controlled(t, control.Settings{})
	operator, admin := s.token("ops", auth.Operator), s.token("root", auth.Admin)
	f := func(token, environment string, want int) answer {
		t.Helper()
		a := s.do("PUT", "/api/v1/flags/new-checkout?environment="+environment, checkout, "Authorization", "Bearer "+token)
		require.Equal(t, want, a.status, a.body)
		return a
	}
	f(operator, "staging", 201)
	a := f(operator, "production", 403)
	require.Contains(t, a.body, "needs the role admin")
	f(admin, "production", 201)
	f(admin, "prodction", 404)
	for _, r := range s.flagControlRoutes() {
		if r.class != writing || r.secret {
			continue
		}
		path := strings.NewReplacer("{key}", "new-checkout", "{id}", "0192f0c0-0000-7000-8000-000000000000").Replace(r.path)
		a := s.do(r.method, path+"?environment=production", `{}`, "Authorization", "Bearer "+operator)
		require.Equal(t, 403, a.status, "%s %s: %s", r.method, r.path, a.body)
	}
	a = s.do("PUT", "/api/v1/flags/new-checkout?env=production", checkout, "Authorization", "Bearer "+admin)
	require.Equal(t, 422, a.status, "a parameter that is misspelt means no other environment")
}

func TestBadFlagsAreToldWhatWouldBeRight(t *testing.T) {
	s := controlled(t, control.Settings{RequireReason: []string{"staging"}})
	require.Equal(t, 201, s.do("PUT", "/api/v1/flags/new-checkout", checkout).status)
	f := func(method, path, body string, status int, want ...string) {
		t.Helper()
		a := s.do(method, "/api/v1/flags/"+path, body)
		require.Equal(t, status, a.status, a.body)
		for _, text := range want {
			require.Contains(t, a.body, text)
		}
	}
	f("PUT", "x", `{"definition":{"variations":{"on":true},"defaultRule":{"variation":"onn"}},"reason":"r"}`, 422, "body.definition.defaultRule.variation", "on")
	f("PUT", "x", `{"definition":{"variatons":{"on":true}, "defaultRule":{"variation":"on"}},"reason":"r"}`, 422, "variatons", "variations")
	f("PUT", "x", `{"reason":"r"}`, 422, "body.definition", "missing")
	f("PUT", "x", `{"definition":{},"reasn":"r"}`, 422, "body.reasn", "definition")
	f("PUT", "x", `[]`, 422, "object")
	f("PUT", "x", `{`, 400, "not JSON")
	f("POST", "new-checkout/flip", `{"to":"on"}`, 422, "body.reason", "missing")
	f("POST", "new-checkout/flip", `{"to":5,"reason":"r"}`, 422, "body.to", "text")
	f("POST", "new-checkout/flip", `{"to":"blue","reason":"r"}`, 422, "body.to")
	f("POST", "new-checkout/rollout", `{"variation":"on","reason":"r"}`, 422, "percentage")
	f("POST", "new-checkout/rollout", `{"variation":"on","percentage":101,"reason":"r"}`, 422, "percentage")
	f("POST", "new-checkout/rollout", `{"variation":"on","to":50,"over":"soon","reason":"r"}`, 422, "body.over", "30m")
	f("POST", "new-checkout/rollout", `{"variation":"on","to":50,"percentage":5,"reason":"r"}`, 422, "one of the two")
	f("POST", "new-checkout/restore", `{"revision":99,"reason":"r"}`, 404, "no revision 99")
	f("POST", "nothing/flip", `{"to":"on","reason":"r"}`, 404, "no flag nothing")
	f("GET", "new-checkout/history?limit=0", "", 422, "limit")
}

func TestFlagsAreListed(t *testing.T) {
	s := controlled(t, control.Settings{})
	for _, key := range []string{"a", "b", "c"} {
		require.Equal(t, 201, s.do("PUT", "/api/v1/flags/"+key, checkout).status)
	}
	type page struct {
		Environment string
		Flags       []struct {
			Key    string
			Shares flag.Shares
		}
		Next *string
	}
	first := decodeAs[page](t, s.do("GET", "/api/v1/flags?limit=2&service=web", "").body)
	require.Equal(t, "staging", first.Environment)
	require.Len(t, first.Flags, 2)
	require.Equal(t, flag.Shares{"off": 100}, first.Flags[0].Shares)
	second := decodeAs[page](t, s.do("GET", "/api/v1/flags?limit=2&cursor="+*first.Next, "").body)
	require.Equal(t, "c", second.Flags[0].Key)
	require.Nil(t, second.Next)
	require.Empty(t, decodeAs[page](t, s.do("GET", "/api/v1/flags?environment=production", "").body).Flags)
	require.Equal(t, 404, s.do("GET", "/api/v1/flags?environment=nowhere", "").status)
	require.Equal(t, 422, s.do("GET", "/api/v1/flags?limit=5000", "").status)
	findings := decodeAs[struct{ Findings []flag.Finding }](t, s.do("GET", "/api/v1/flag_findings", "").body)
	require.Empty(t, findings.Findings, "they are new, and have an owner")
}

func TestAKillTriggerKillsAndNothingElse(t *testing.T) {
	s := controlled(t, control.Settings{})
	require.Equal(t, 201, s.do("PUT", "/api/v1/flags/new-checkout", checkout).status)
	trigger := decodeAs[struct{ Path string }](t, s.do("POST", "/api/v1/flags/new-checkout/trigger", `{"reason":"for the runbook"}`).body)
	require.Contains(t, s.do("GET", "/api/v1/flags/new-checkout", "").body, `"kill_trigger":true`)

	require.Equal(t, 404, s.do("POST", trigger.Path+"x", "").status)
	require.Equal(t, 404, s.do("POST", strings.Replace(trigger.Path, "new-checkout", "other", 1), "").status)
	require.Equal(t, 405, s.do("GET", trigger.Path, "").status, "nothing that only follows a link may pull it")
	s.token("somebody", auth.Viewer) // from here on nobody writes without a token
	a := s.do("POST", trigger.Path, "")
	require.Equal(t, 200, a.status, a.body)
	require.NotContains(t, a.body, "definition", "it tells nothing of the flag")
	require.Contains(t, s.do("GET", "/api/v1/flags/new-checkout", "").body, `"shares":{"SdkDefault":100}`)
	secret := trigger.Path[strings.LastIndex(trigger.Path, "/")+1:]
	s.waitLog("status=405") // of the GET above
	require.NotContains(t, s.log.String(), secret)

	admin := s.token("root", auth.Admin)
	require.Equal(t, 204, s.do("DELETE", "/api/v1/flags/new-checkout/trigger", "", "Authorization", "Bearer "+admin).status)
	require.Equal(t, 404, s.do("POST", trigger.Path, "").status)
}

var _ FlagControl = (*control.Control)(nil)

// TestTheLogTellsEachChange follows the log while a flag moves.
func TestTheLogTellsEachChangeOfAFlag(t *testing.T) {
	s := controlled(t, control.Settings{})
	s.do("PUT", "/api/v1/flags/new-checkout", checkout)
	s.do("POST", "/api/v1/flags/new-checkout/flip", `{"to":"on"}`)
	page, err := s.opts.Changes.List(context.Background(), ofKind("flag"))
	require.NoError(t, err)
	require.Len(t, page.Changes, 2)
	require.Equal(t, "new-checkout", page.Changes[0].Flag.Key)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// in1h is a time in an hour, as JSON has it.
func (r *running) in1h() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

func ofKind(kind string) annotate.List {
	return annotate.List{Filter: annotate.Filter{Kinds: []string{kind}}, Limit: 10}
}
