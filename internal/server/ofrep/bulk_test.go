package ofrep

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/internal/server/ofrep/ofreptest"
)

const bulkPath = "/ofrep/v1/evaluate/flags"

// bulkAnswer is what a bulk evaluation answers.
type bulkAnswer struct {
	Flags []struct {
		Key, ErrorCode, Variant string
		Value                   any
	}
	EventStreams []struct {
		Type     string
		Endpoint struct{ RequestURI string }
	}
	Metadata map[string]string
}

func TestBulk(t *testing.T) {
	s := serve(t)
	w := s.do("POST", bulkPath, `{"context":{"targetingKey":"u"}}`)
	require.Equal(t, 200, w.Code)
	var all bulkAnswer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &all))
	var keys []string
	for _, f := range all.Flags {
		keys = append(keys, f.Key)
		require.Empty(t, f.ErrorCode)
	}
	require.Equal(t, []string{"banner", "cohort", "colour", "layout", "limit", "old", "ratio", "steps"}, keys)
	require.Equal(t, map[string]string{"environment": "production", "flagSetId": "production"}, all.Metadata)
	require.Len(t, all.EventStreams, 1)
	require.Equal(t, "/mark/ofrep/v1/events", all.EventStreams[0].Endpoint.RequestURI, "the way through a proxy is the configured one")

	w = s.do("POST", "/environments/production"+bulkPath, `{"context":{}}`)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &all))
	require.Equal(t, "/mark/environments/production/ofrep/v1/events", all.EventStreams[0].Endpoint.RequestURI)
	require.Equal(t, "TARGETING_KEY_MISSING", all.Flags[1].ErrorCode, "one flag's failure is not the others'")
	require.Equal(t, true, all.Flags[0].Value)

	w = s.do("POST", "/environments/staging"+bulkPath, `{"context":{}}`)
	require.Contains(t, w.Body.String(), `{"flags":[],`)

	w = s.do("POST", bulkPath, `{"context":{"targetingKey":"u","gofeatureflag":{"flagList":["ratio","banner"]}}}`)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &all))
	require.Len(t, all.Flags, 2)

	require.Equal(t, 404, s.do("POST", "/environments/moon"+bulkPath, `{"context":{}}`).Code)
	require.Equal(t, 400, s.do("POST", bulkPath, `{`).Code)
	require.Equal(t, 400, s.do("POST", bulkPath, `{}`).Code)
	s.gate.closed.Store(true)
	require.Equal(t, 429, s.do("POST", bulkPath, `{"context":{}}`).Code)
}

func TestBulkIsKnownByWhatWasEvaluated(t *testing.T) {
	s := serve(t)
	const ann, bob = `{"context":{"targetingKey":"ann","beta":true}}`, `{"context":{"targetingKey":"ann"}}`
	tag := func(body string, headers ...string) (int, string) {
		t.Helper()
		w := s.do("POST", bulkPath, body, headers...)
		etag := w.Header().Get("ETag")
		require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, etag)
		return w.Code, etag
	}
	f := func(want int, body, ifNoneMatch string) {
		t.Helper()
		code, _ := tag(body, "If-None-Match", ifNoneMatch)
		require.Equal(t, want, code)
	}
	_, etag := tag(ann)
	f(304, ann, etag)
	f(304, ann, `"x", W/"y" , W/`+etag)
	f(304, ann, etag[1:len(etag)-1])
	f(304, ann, "*")
	f(200, ann, `"x"`)
	f(200, ann, `""`)
	f(200, ann, etag[:len(etag)-2]+`"`)
	f(200, bob, etag)
	require.Equal(t, http.StatusNotModified, s.do("POST", bulkPath+"?flagConfigEtag=x&flagConfigLastModified=1771622898", ann, "If-None-Match", etag).Code)

	// What another person would see changes nothing for this one.
	change := func(key string, alter func(*flag.Definition)) {
		d := ofreptest.Definitions(t)[key]
		alter(&d)
		s.sets.put(flag.Flag{Key: key, Environment: "production", Definition: d, Revision: 2})
	}
	change("colour", func(d *flag.Definition) {
		nobody := "key eq \"nobody\""
		rule := (*d.Rules)[0]
		rule.Name, rule.Query = nil, &nobody
		*d.Rules = append(*d.Rules, rule)
	})
	f(304, ann, etag)
	off := true
	change("banner", func(d *flag.Definition) { d.Disable = &off })
	f(200, ann, etag)
	_, after := tag(ann)
	require.NotEqual(t, etag, after)
	change("banner", func(*flag.Definition) {})
	f(304, ann, etag)
}

func TestEvaluationsAreCounted(t *testing.T) {
	s := serve(t)
	s.do("POST", bulkPath+"/banner", `{"context":{}}`)
	s.do("POST", bulkPath, `{"context":{}}`)
	s.do("POST", bulkPath+"/made-up", `{"context":{}}`)
	s.do("POST", "/v1/feature/banner/eval", `{"user":{"key":"u"}}`)
	s.do("POST", "/v1/data/collector", `{"events":[{"kind":"feature","key":"banner","variation":"on"},{"kind":"feature","key":"made-up-too","variation":"on"}]}`)
	text := s.scrape()
	require.Contains(t, text, `feature_flag_evaluations_total{environment="production",feature_flag_key="banner",feature_flag_result_variant="on",feature_flag_result_reason="static"} 3`)
	require.Contains(t, text, `feature_flag_key="banner",feature_flag_result_variant="on",feature_flag_result_reason="unknown"} 1`)
	require.Contains(t, text, `feature_flag_key="cohort",feature_flag_result_variant="",feature_flag_result_reason="error",error_type="targeting_key_missing"} 1`)
	require.NotContains(t, text, "made-up", "callers make no series")
}

func TestEnrichment(t *testing.T) {
	s := serve(t)
	s.Apply(Settings{Enrichment: map[string]any{"beta": true}})
	require.Contains(t, s.do("POST", bulkPath+"/colour", `{"context":{"beta":false}}`).Body.String(), `"variant":"red"`)
	require.Contains(t, s.do("POST", "/v1/feature/colour/eval", `{"user":{"key":"u"}}`).Body.String(), `"variationType":"red"`)
	w := s.do("POST", "/v1/flag/configuration", ``)
	require.Contains(t, w.Body.String(), `"evaluationContextEnrichment":{"beta":true}`)
	etag := w.Header().Get("ETag")
	s.Apply(Settings{})
	require.Equal(t, 200, s.do("POST", "/v1/flag/configuration", ``, "If-None-Match", etag).Code)
}
