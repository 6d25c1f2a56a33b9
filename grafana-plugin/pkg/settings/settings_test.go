package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

func instance(jsonData string, secrets map[string]string) backend.DataSourceInstanceSettings {
	return backend.DataSourceInstanceSettings{
		UID: "abc", URL: "http://tidemark:9797/", JSONData: []byte(jsonData), DecryptedSecureJSONData: secrets,
	}
}

func TestLoadDefaults(t *testing.T) {
	for _, jsonData := range []string{"", "{}", `{"timeInterval":"","overlay":{},"serviceLabels":[" "]}`} {
		s, err := Load(instance(jsonData, nil))
		require.NoError(t, err, jsonData)
		require.Equal(t, Settings{
			UID: "abc", URL: "http://tidemark:9797", PublicURL: "http://tidemark:9797",
			ScrapeInterval: 15 * time.Second, QueryTimeout: time.Minute, Timeout: 70 * time.Second, MaxPoints: 1_000_000,
			Overlay:           Overlay{Enabled: true, Follow: true},
			ServiceLabels:     []string{"service", "service_name"},
			EnvironmentLabels: []string{"environment", "deployment_environment_name"},
		}, s)
	}
}

func TestLoad(t *testing.T) {
	s, err := Load(instance(`{
		"timeInterval":"30s", "queryTimeout":"2m", "timeout":5, "maxPoints":1000, "publicUrl":"https://tidemark.example.org/at/",
		"overlay":{"enabled":false,"follow":false,"kinds":["deploy",""],"services":[" web "],"environments":["production"]},
		"serviceLabels":["app"], "environmentLabels":["env"], "oauthPassThru":true}`,
		map[string]string{"token": " secret\n"}))
	require.NoError(t, err)
	require.Equal(t, Settings{
		UID: "abc", URL: "http://tidemark:9797", PublicURL: "https://tidemark.example.org/at",
		Token: "secret", TokenApart: true, PerUser: true,
		ScrapeInterval: 30 * time.Second, QueryTimeout: 2 * time.Minute, Timeout: 5 * time.Second, MaxPoints: 1000,
		Overlay:       Overlay{Kinds: []string{"deploy"}, Services: []string{"web"}, Environments: []string{"production"}},
		ServiceLabels: []string{"app"}, EnvironmentLabels: []string{"env"},
	}, s)
}

func TestTokenGoesApartWhereTheHeaderIsTaken(t *testing.T) {
	f := func(want bool, basicAuth bool, jsonData string) {
		t.Helper()
		in := instance(jsonData, nil)
		in.BasicAuthEnabled = basicAuth
		s, err := Load(in)
		require.NoError(t, err)
		require.Equal(t, want, s.TokenApart)
	}
	f(false, false, `{}`)
	f(false, false, `{"httpHeaderName1":"X-Scope"}`)
	f(true, true, `{}`)
	f(true, false, `{"oauthPassThru":true}`)
	f(true, false, `{"httpHeaderName1":"X-Scope","httpHeaderName2":"authorization"}`)
}

func TestLoadRefuses(t *testing.T) {
	f := func(url, jsonData, token, says string) {
		t.Helper()
		in := instance(jsonData, map[string]string{"token": token})
		in.URL = url
		_, err := Load(in)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hidden")
	}
	const good = "http://localhost:9797"
	f("", "", "", "the URL is empty")
	f("localhost:9797", "", "", "the URL must begin with http://")
	f("ftp://localhost", "", "", "the URL must begin with http://")
	f("http://", "", "", "the URL must begin with http://")
	f("http://user:hidden@localhost", "", "", "holds a user or password")
	f("http://user:hidden@local host:%zz", "", "", "the URL is not one")
	f("http://localhost?token=hidden", "", "", "must end before ?")
	f(good, `{`, "", "the settings:")
	f(good, `{"timeInterval":15}`, "", "timeInterval is a number; it must be a string")
	f(good, `{"timeInterval":"often"}`, "", `the scrape interval "often" is no duration`)
	f(good, `{"timeInterval":"0s"}`, "", `the scrape interval "0s" is no duration`)
	f(good, `{"queryTimeout":"-1s"}`, "", `the query timeout "-1s" is no duration`)
	f(good, `{"timeout":-1}`, "", "the timeout of -1 s")
	f(good, `{"maxPoints":-1}`, "", "the most samples of a result are -1")
	f(good, `{"maxPoints":100000000000}`, "", "the most samples of a result")
	f(good, `{"publicUrl":"tidemark"}`, "", "the public URL must begin")
	f(good, `{}`, "two hidden", "the token has a blank")
	f(good, `{"timeInterval":"often","queryTimeout":"late"}`, "", `the query timeout "late"`) // all faults at once
}

func TestHTTPOptions(t *testing.T) {
	in := instance(`{"httpHeaderName1":"X-Scope","timeout":5,"serverName":null,"access":null}`, map[string]string{"httpHeaderValue1": "team"})
	in.BasicAuthEnabled, in.BasicAuthUser = true, "ann"
	in.DecryptedSecureJSONData["basicAuthPassword"] = "hidden"
	opts, err := HTTPOptions(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "team", opts.Header.Get("X-Scope"))
	require.Equal(t, "ann", opts.BasicAuth.User)
	require.True(t, opts.ForwardHTTPHeaders)
	require.Zero(t, opts.Timeouts.Timeout)
	require.NotZero(t, opts.Timeouts.DialTimeout)
}

func TestHTTPOptionsRefuse(t *testing.T) {
	f := func(jsonData, header, says string) {
		t.Helper()
		_, err := HTTPOptions(t.Context(), instance(jsonData, map[string]string{"httpHeaderValue1": header}))
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hidden")
	}
	f(`[]`, "", "the settings:")
	f(`{"serverName":1}`, "", "serverName must be a text")
	f(`{"httpHeaderName1":1}`, "", "httpHeaderName1 must be a text")
	f(`{"httpHeaderName1":"X Y"}`, "hidden", `the custom header "X Y" cannot be sent`)
	f(`{"httpHeaderName1":"X-Y"}`, "hidden\nSet-Cookie: x", `the custom header "X-Y" cannot be sent`)
}

func FuzzSettings(f *testing.F) {
	f.Add("http://localhost:9797", `{"timeInterval":"15s","httpHeaderName1":"a","overlay":{"kinds":["x"]}}`, "token")
	f.Add("", `{"access":null,"serverName":1}`, "")
	f.Fuzz(func(t *testing.T, url, jsonData, token string) {
		in := instance(jsonData, map[string]string{"token": token, "httpHeaderValue1": token})
		in.URL = url
		s, err := Load(in)
		if err == nil {
			require.False(t, strings.HasSuffix(s.URL, "/"))
			require.Positive(t, s.ScrapeInterval)
			require.Positive(t, s.Timeout)
			require.Positive(t, s.MaxPoints)
		}
		_, _ = HTTPOptions(t.Context(), in) // must not panic
	})
}
