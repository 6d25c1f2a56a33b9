package ofrep

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	library "github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/internal/server/ofrep/ofreptest"
)

func TestRelayEvaluates(t *testing.T) {
	s := serve(t)
	f := func(key, body, want string) {
		t.Helper()
		w := s.do("POST", "/v1/feature/"+key+"/eval", body)
		require.Equal(t, 200, w.Code, w.Body)
		require.JSONEq(t, want, w.Body.String())
	}
	f("banner", `{"evaluationContext":{"key":"u"},"defaultValue":false}`, `{"trackEvents":true,"variationType":"on","failed":false,"version":"1.2.0",
		"reason":"STATIC","errorCode":"","value":true,"cacheable":false,
		"metadata":{"owner":"web","permanent":true,"weight":3.5,"links":{"ticket":["A-1","A-2"]},"nothing":null}}`)
	f("colour", `{"user":{"key":"u","anonymous":true,"custom":{"beta":true}},"defaultValue":"x"}`, `{"trackEvents":true,"variationType":"red","failed":false,"version":"",
		"reason":"TARGETING_MATCH","errorCode":"","value":"#f00 <b>&\u2028","cacheable":false,"metadata":{"evaluatedRuleName":"beta"}}`)
	f("old", `{"user":{"key":"u"},"defaultValue":"mine"}`, `{"trackEvents":true,"variationType":"SdkDefault","failed":false,"version":"",
		"reason":"DISABLED","errorCode":"","value":"mine","cacheable":false}`)

	var failed struct {
		Failed    bool
		ErrorCode string
		Value     any
	}
	w := s.do("POST", "/v1/feature/none/eval", `{"user":{"key":"u"},"defaultValue":7}`)
	require.Equal(t, 200, w.Code, "a flag that there is not is an answer, too")
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &failed))
	require.True(t, failed.Failed)
	require.Equal(t, "FLAG_NOT_FOUND", failed.ErrorCode)
	require.Equal(t, 7.0, failed.Value)
	w = s.do("POST", "/v1/feature/cohort/eval", `{"evaluationContext":{}}`)
	require.Contains(t, w.Body.String(), `"errorCode":"TARGETING_KEY_MISSING"`)

	w = s.do("POST", "/environments/production/v1/allflags", `{"user":{"key":"u"}}`)
	var all struct {
		Valid bool
		Flags map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &all))
	require.True(t, all.Valid)
	require.Len(t, all.Flags, 8)
	require.Equal(t, 0.25, all.Flags["ratio"]["value"])
	require.Nil(t, all.Flags["old"]["value"])
	require.Equal(t, "", all.Flags["old"]["variationType"])
	require.Contains(t, s.do("POST", "/v1/allflags", `{"evaluationContext":{}}`).Body.String(), `"valid":false`)
}

func TestRelayRefuses(t *testing.T) {
	s := serve(t)
	f := func(status int, path, body, message string, headers ...string) {
		t.Helper()
		w := s.do("POST", path, body, headers...)
		require.Equal(t, status, w.Code, w.Body)
		var got struct{ Message string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Contains(t, got.Message, message)
	}
	for _, path := range []string{"/v1/feature/banner/eval", "/v1/allflags"} {
		f(400, path, `{}`, "evaluationContext is missing")
		f(400, path, `{"user":`, "not JSON")
		f(415, path, `{}`, "must be JSON", "Content-Type", "text/plain")
		f(404, "/environments/moon"+path, `{"user":{"key":"u"}}`, "no environment")
	}
	const collector = "/v1/data/collector"
	f(400, collector, `{}`, "events are missing")
	f(400, collector, `[]`, "must be {")
	f(400, collector, `{"events":{}}`, "must be {")
	f(400, collector, `{"events":[{"key":7}]}`, "not a list of events")
	f(400, collector, `{"events":[`, "too early")
	f(415, collector, `{}`, "must be JSON", "Content-Type", "text/plain")
	f(413, collector, `{"events":[`+strings.Repeat(`{},`, 1000)+`{}]}`, "more than 1000 events")
	f(404, "/environments/moon"+collector, `{"events":[]}`, "no environment")
	s.gate.closed.Store(true)
	f(429, "/v1/allflags", `{"user":{"key":"u"}}`, "try again")

	w := s.do("POST", "/v1/flag/configuration", `{"flags":7}`)
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), `"errorCode":"INVALID_REQUEST"`)
}

func TestRelayConfigures(t *testing.T) {
	s := serve(t)
	const path = "/v1/flag/configuration"
	for _, body := range []string{``, `{}`, `{"flags":[]}`, `{"flags":null}`} {
		w := s.do("POST", path, body)
		require.Equal(t, 200, w.Code)
		require.Equal(t, "Fri, 02 Jan 2026 15:04:05 GMT", w.Header().Get("Last-Modified"))
		require.Equal(t, "2026-01-02T15:04:05Z", w.Header().Get("Last-Updated"))
		var got struct {
			Flags map[string]library.InternalFlag
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Len(t, got.Flags, 8)
		colour := got.Flags["colour"]
		require.NoError(t, colour.IsValid())
	}
	etag := s.do("POST", path, `{}`).Header().Get("ETag")
	w := s.do("POST", path, `{}`, "If-None-Match", etag)
	require.Equal(t, 304, w.Code)
	require.Empty(t, w.Body.String())
	require.NotEmpty(t, w.Header().Get("Last-Modified"))

	w = s.do("POST", path, `{"flags":["ratio","none"]}`)
	require.JSONEq(t, `{"flags":{"ratio":{"variations":{"quarter":0.25,"half":0.5},"defaultRule":{"variation":"quarter"}}}}`, w.Body.String())
	require.NotEqual(t, etag, w.Header().Get("ETag"))

	changes := func() (hash uint32, flags map[string]uint32, etag string) {
		w := s.do("GET", "/v1/flag/change", "")
		var got struct {
			Hash  uint32
			Flags map[string]uint32
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		return got.Hash, got.Flags, w.Header().Get("ETag")
	}
	hash, flags, tag := changes()
	require.Len(t, flags, 8)
	require.Equal(t, 304, s.do("GET", "/v1/flag/change", "", "If-None-Match", tag).Code)

	// People who are moved between variations make another configuration.
	s.sets.put(flag.Flag{
		Key: "cohort", Environment: "production", Definition: ofreptest.Definitions(t)["cohort"],
		Allocation: flag.Allocation{{Variation: "out", From: 0, To: 50_000}, {Variation: "in", From: 50_000, To: 100_000}},
	})
	after, flagsAfter, _ := changes()
	require.NotEqual(t, hash, after)
	require.NotEqual(t, flags["cohort"], flagsAfter["cohort"])
	require.Equal(t, flags["banner"], flagsAfter["banner"])
	require.Equal(t, 200, s.do("POST", path, `{}`, "If-None-Match", etag).Code)
}

func TestCollect(t *testing.T) {
	s := serve(t)
	w := s.do("POST", "/v1/data/collector", `{"meta":{"provider":"go","deep":{"x":[1,2]}},"events":[
		{"kind":"feature","contextKind":"user","userKey":"secret-person","creationDate":1680246000,"key":"limit","variation":"many","value":500,"default":false,"source":"INPROCESS"},
		{"kind":"feature","key":"limit","variation":"many","value":500},
		{"kind":"feature","key":"limit","variation":"SdkDefault","value":1,"default":true},
		{"kind":"feature","key":"limit","variation":"invented","value":1},
		{"kind":"feature","key":"gone","variation":"on"},
		{"kind":"tracking","key":"limit","userKey":"secret-person","trackingEventDetails":{"value":7}}
	]}`)
	require.Equal(t, 200, w.Code, w.Body)
	require.JSONEq(t, `{"ingestedContentCount":6}`, w.Body.String())
	text := s.scrape()
	f := func(variant, reason string, want int) {
		t.Helper()
		require.Contains(t, text, fmt.Sprintf(`feature_flag_key="limit",feature_flag_result_variant=%q,feature_flag_result_reason=%q} %d`, variant, reason, want))
	}
	f("many", "unknown", 2)
	f("", "unknown", 1)
	require.NotContains(t, text, "invented")
	require.NotContains(t, text, "secret-person")
}
