package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/auth"
)

func TestRecord(t *testing.T) {
	s := start(t, nil)
	a := s.do("POST", "/api/v1/changes", `{"kind":"deploy","service":"web","version":"v42","external_id":"7","who":"Ann","start":1750000000}`)
	require.Equal(t, 201, a.status, a.body)
	require.Contains(t, a.body, `"headline":"`)
	c := decodeAs[annotate.Change](t, a.body)
	require.Equal(t, "/api/v1/changes/"+c.ID, a.header.Get("Location"))
	require.Equal(t, "local", c.Source, "the caller's name stands in for a source")
	require.Equal(t, "Ann", c.Who.Name)
	require.Equal(t, int64(1750000000000), c.Start.UnixMilli())

	a = s.do("POST", "/api/v1/changes", `{"kind":"deploy","external_id":"7"}`)
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, c.ID, decodeAs[annotate.Change](t, a.body).ID)

	a = s.do("POST", "/api/v1/changes", `{"changes":[{"kind":"flag","external_id":"8","end":null},{"kind":"deploy","external_id":"7"}]}`)
	require.Equal(t, 200, a.status, a.body)
	batch := decodeAs[recordedBatch](t, a.body)
	require.True(t, batch.Changes[0].Created)
	require.False(t, batch.Changes[1].Created)
	require.Equal(t, c.ID, batch.Changes[1].Change.ID)
}

func TestWritesAreAttributed(t *testing.T) {
	s := start(t, func(o *Options) { o.ListenAddress = anyone })
	token := "Bearer " + s.token("ci", auth.Operator)
	a := s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`, "Authorization", token, auth.OnBehalfOf, "Ann Lee")
	require.Equal(t, 201, a.status, a.body)
	c := decodeAs[annotate.Change](t, a.body)
	require.Equal(t, "ci", c.Source)
	a = s.do("PATCH", "/api/v1/changes/"+c.ID, `{"title":"better"}`, "X-API-Key", strings.TrimPrefix(token, "Bearer "))
	require.Equal(t, 200, a.status, a.body)
	a = s.do("GET", "/api/v1/changes/"+c.ID+"/revisions", "")
	revisions := decodeAs[struct{ Revisions []annotate.Revision }](t, a.body).Revisions
	require.Len(t, revisions, 2)
	require.Equal(t, "ci for Ann Lee", revisions[0].By)
	require.Equal(t, "ci", revisions[1].By)
	require.NotContains(t, s.log.String(), strings.TrimPrefix(token, "Bearer "))
}

func TestAmend(t *testing.T) {
	s := start(t, nil)
	c := s.record(`{"kind":"deploy","service":"web","status":"running","title":"a title","who":"Ann"}`)
	path := "/api/v1/changes/" + c.ID
	a := s.do("PATCH", path, `{"status":"failed","title":null,"who":{"name":"Bob"}}`, "Content-Type", "application/merge-patch+json")
	require.Equal(t, 200, a.status, a.body)
	c = decodeAs[annotate.Change](t, a.body)
	require.Equal(t, annotate.Failed, c.Status)
	require.Empty(t, c.Title)
	require.Equal(t, "Bob", c.Who.Name)
	require.NotNil(t, c.End)
	require.Equal(t, 2, c.Revision)

	s.do("PATCH", path, `{"kind":null}`).problem(t, 422)
	s.do("PATCH", path, `{"nope":null}`).problem(t, 422)
	s.do("PATCH", path, `{"source":"another"}`).problem(t, 422)
	s.do("PATCH", path, `[]`).problem(t, 422)
	s.do("PATCH", "/api/v1/changes/last", `{"title":"x"}`).problem(t, 404)
	s.do("PATCH", "/api/v1/changes/0192f0c0-0000-7000-8000-000000000000", `{"title":"x"}`).problem(t, 404)
}

func TestBadReportsAreNamed(t *testing.T) {
	s := start(t, nil)
	f := func(status int, body, location, detail string) {
		t.Helper()
		p := s.do("POST", "/api/v1/changes", body).problem(t, status)
		require.Contains(t, p.Detail, detail)
		if location == "" {
			return
		}
		var locations []string
		for _, fault := range p.Errors {
			locations = append(locations, fault.Location)
			require.NotEmpty(t, fault.Message)
		}
		require.Contains(t, locations, location)
	}
	f(400, ``, "", "the body is empty")
	f(400, `{`, "", "unexpected end of JSON input, at byte 1")
	f(400, `{"kind":"deploy"} x`, "", "after top-level value, at byte 19")
	f(400, `{"kind":"deploy"}{}`, "", "not JSON")
	f(400, "{\"kind\":\"deploy\xff", "", "not JSON")
	f(422, `"deploy"`, "body", "the body: must be a JSON object")
	f(422, `[{"kind":"deploy"}]`, "body", "must be a JSON object")
	f(422, `null`, "body", "must be a JSON object")
	f(422, `{}`, "body.kind", "kind: is missing; say deploy")
	f(422, `{"kind":7}`, "body.kind", "kind: expected string")
	f(422, `{"kind":"De ploy"}`, "body.kind", "one lower-case word")
	f(422, `{"kind":"deploy","knid":"x"}`, "body.knid", "is no field of a change; there are commit, contingency")
	f(422, `{"Kind":"deploy"}`, "body.Kind", "is no field of a change")
	f(422, `{"kind":"deploy","start":"yesterday"}`, "body.start", "start: is not a time; write RFC 3339")
	f(422, `{"kind":"deploy","start":true}`, "body.start", "write RFC 3339")
	f(422, `{"kind":"deploy","start":1e300}`, "body.start", "write RFC 3339")
	f(422, `{"kind":"deploy","start":""}`, "body.start", "write RFC 3339")
	f(422, `{"kind":"deploy","start":"9999-01-01T00:00:00Z"}`, "body.start", "more than a year ahead; say a time before")
	f(422, `{"kind":"deploy","start":1e15}`, "body.start", "more than a year ahead")
	f(422, `{"kind":"deploy","start":-1}`, "body.start", "is before 1990-01-01")
	f(422, `{"kind":"deploy","start":"2025-01-02T00:00:00Z","end":"2025-01-01T00:00:00Z"}`, "body.end", "end: is before start")
	f(422, `{"kind":"deploy","status":"done"}`, "body.status", "must be planned, running")
	f(422, `{"kind":"deploy","who":7}`, "body.who", "must be a name, or an object with name and type")
	f(422, `{"kind":"deploy","who":{"nickname":"Ann"}}`, "body.who.nickname", "who")
	f(422, `{"kind":"deploy","who":{"name":"Ann","type":"robot"}}`, "body.who.type", "person, machine")
	f(422, `{"kind":"deploy","who":""}`, "body.who.name", "is empty")
	f(422, `{"kind":"deploy","labels":{"a":1}}`, "body.labels.a", "expected string")
	f(422, `{"kind":"deploy","labels":{"a b":"c"}}`, "body.labels.a b", "is no label name")
	f(422, `{"kind":"deploy","labels":["a"]}`, "body.labels", "expected object")
	f(422, `{"kind":"deploy","links":[{"href":"javascript:alert(1)"}]}`, "body.links[0].href", "http or https")
	f(422, `{"kind":"deploy","links":[{"rel":"diff"}]}`, "body.links[0]", "href")
	f(422, `{"kind":"deploy","evidence":[{"source":"a","text":"b","time":"noon"}]}`, "body.evidence[0].time", "write RFC 3339")
	f(422, `{"kind":"deploy","expect":[{"expr":"up","direction":"left"}]}`, "body.expect[0].direction", "up, down, same")
	f(422, `{"kind":"deploy","undoes":"x"}`, "body.undoes", "UUID")
	f(422, `{"kind":"deploy","id":"x"}`, "body.id", "is no field")

	f(422, `{"changes":7}`, "body.changes", "must be a list")
	f(422, `{"changes":[]}`, "body.changes", "at least one")
	f(422, `{"changes":[7]}`, "body.changes[0]", "must be a JSON object")
	f(422, `{"changes":[{"kind":"deploy"}],"kind":"deploy"}`, "body.kind", "inside one of the changes")
	f(422, `{"changes":[{"kind":"deploy"},{"kind":"deploy","start":"x"}]}`, "body.changes[1].start", "changes[1].start")
	f(422, `{"changes":[{"kind":"deploy"},{"kind":"deploy","start":"9999-01-01T00:00:00Z"}]}`, "body.changes[1].start", "a year ahead")
	f(422, `{"changes":[`+strings.Repeat(`{"kind":"deploy"},`, 1000)+`{"kind":"deploy"}]}`, "body.changes", "at most 1000")

	require.Empty(t, decodeAs[annotate.Page](t, s.do("GET", "/api/v1/changes", "").body).Changes, "nothing of it was kept")
}

func TestBodyKinds(t *testing.T) {
	s := start(t, nil)
	f := func(want int, headers ...string) {
		t.Helper()
		require.Equal(t, want, s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`, headers...).status)
	}
	f(201)
	f(201, "Content-Type", "application/json; charset=utf-8")
	f(201, "Content-Type", "application/vnd.x+json")
	f(201, "Content-Type", "application/x-www-form-urlencoded")
	f(415, "Content-Type", "application/xml")
	f(415, "Content-Type", "multipart/form-data")
	f(415, "Content-Type", ";;")
	f(415, "Content-Encoding", "gzip")
}

func TestFaultsAreBounded(t *testing.T) {
	s := start(t, nil)
	var fields []string
	for i := range 1000 {
		fields = append(fields, fmt.Sprintf(`"x%d":%q`, i, strings.Repeat("y", 300)))
	}
	a := s.do("POST", "/api/v1/changes", "{"+strings.Join(fields, ",")+"}")
	p := a.problem(t, 422)
	require.Len(t, p.Errors, maxTold)
	require.Contains(t, p.Detail, "and 999 more")
	require.Less(t, len(a.body), 16<<10)
}

// FuzzRecord holds that no body whatsoever makes the server fail, and that what
// it refuses it explains.
func FuzzRecord(f *testing.F) {
	s := start(f, nil)
	for _, seed := range []string{
		``, `{}`, `{"kind":"deploy"}`, `{"kind":"deploy","start":1750000000,"who":"Ann","labels":{"a":"b"}}`,
		`{"changes":[{"kind":"flag","flag":{"key":"k","from":1,"to":{"a":[1]}}}]}`,
		`{"kind":"deploy","evidence":[{"source":"a","time":"2025-01-01T00:00:00Z","text":"b"}],"end":null}`,
		`{"kind":"deploy","links":[{"href":"https://a/b"}],"expect":[{"expr":"up","direction":"up","within":"10m"}]}`,
		`{"changes":null}`, `[]`, `nul`, "\x00", `{"who":{"name":null}}`, `{"kind":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a := s.in(t).do("POST", "/api/v1/changes", body)
		if a.status == http.StatusCreated || a.status == http.StatusOK {
			return
		}
		if a.status < 400 || a.status >= 500 {
			t.Fatalf("%d for %q: %s", a.status, body, a.body)
		}
		a.problem(t, a.status)
	})
}

func TestTidemarksOwnNameIsItsOwn(t *testing.T) {
	s := start(t, nil)
	for body, location := range map[string]string{
		`{"kind": "deploy", "source": "tidemark", "external_id": "deploy/1"}`:         "body.source",
		`{"changes": [{"kind": "deploy"}, {"kind": "deploy", "source": "tidemark"}]}`: "body.changes[1].source",
	} {
		a := s.do(http.MethodPost, "/api/v1/changes", body)
		require.Equal(t, http.StatusUnprocessableEntity, a.status, a.body)
		require.Contains(t, a.body, location)
	}
}
