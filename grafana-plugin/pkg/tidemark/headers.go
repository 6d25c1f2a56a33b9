package tidemark

import (
	"net/http"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

// onlyKnownHeaders lets through what this package sets, what the settings
// configure, and what Grafana says of the user and the dashboard. A resource
// call brings all that the browser sent: its origin would make the server take
// the request for another web site's, and its encodings are not ours.
func onlyKnownHeaders(configured http.Header) httpclient.Middleware {
	return httpclient.NamedMiddlewareFunc("OnlyKnownHeaders", func(_ httpclient.Options, next http.RoundTripper) http.RoundTripper {
		return httpclient.RoundTripperFunc(func(req *http.Request) (*http.Response, error) {
			for name := range req.Header {
				if !known(name) && configured.Get(name) == "" {
					delete(req.Header, name)
				}
			}
			return next.RoundTrip(req)
		})
	})
}

func known(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Accept", "Authorization", "Cache-Control", "Content-Type", "Cookie", "Last-Event-Id", "User-Agent",
		"X-Api-Key", "X-Id-Token", // who asks
		"Traceparent", "Tracestate", "Baggage", "Uber-Trace-Id": // which trace it belongs to
		return true
	}
	for _, prefix := range []string{"X-Grafana-", "X-Dashboard-", "X-Panel-"} {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}
