package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

// headerName is how jsonData numbers the names of custom headers.
const headerName = "httpHeaderName"

// HTTPOptions returns how requests are sent: TLS, basic authentication, custom
// headers, proxies. They have no timeouts of their own but those of dialling:
// what sends requests bounds each.
func HTTPOptions(ctx context.Context, instance backend.DataSourceInstanceSettings) (httpclient.Options, error) {
	clean, err := withoutNulls(instance.JSONData)
	if err != nil {
		return httpclient.Options{}, err
	}
	instance.JSONData = clean
	opts, err := instance.HTTPClientOptions(ctx)
	if err != nil {
		return httpclient.Options{}, fmt.Errorf("the HTTP settings: %w", err)
	}
	for name, values := range opts.Header {
		if !sendable(name, values) {
			return httpclient.Options{}, fmt.Errorf("the custom header %q cannot be sent: its name must be one word, and its value one line", name)
		}
	}
	opts.Timeouts.Timeout = 0
	opts.ForwardHTTPHeaders = true
	return opts, nil
}

// withoutNulls returns jsonData as the SDK can take it, which expects texts
// where it reads texts. What is null counts as not set.
func withoutNulls(jsonData json.RawMessage) (json.RawMessage, error) {
	if len(jsonData) == 0 {
		return jsonData, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(jsonData, &fields); err != nil {
		return nil, fmt.Errorf("the settings: %w", err)
	}
	for name, value := range fields {
		if value == nil {
			delete(fields, name)
			continue
		}
		if _, isText := value.(string); !isText && mustBeText(name) {
			return nil, fmt.Errorf("the settings: %s must be a text", name)
		}
	}
	return json.Marshal(fields)
}

func mustBeText(name string) bool {
	switch name {
	case "access", "url", "basicAuthUser", "serverName",
		"sigV4Region", "sigV4AssumeRoleArn", "sigV4AuthType", "sigV4ExternalId", "sigV4Profile":
		return true
	}
	return strings.HasPrefix(name, headerName)
}

// setsAuthorization reports whether a custom header is Authorization.
func setsAuthorization(jsonData json.RawMessage) bool {
	var fields map[string]any
	if json.Unmarshal(jsonData, &fields) != nil {
		return false
	}
	for name, value := range fields {
		text, _ := value.(string)
		if strings.HasPrefix(name, headerName) && http.CanonicalHeaderKey(strings.TrimSpace(text)) == "Authorization" {
			return true
		}
	}
	return false
}

// sendable reports whether HTTP allows a header, so that the fault shows in
// the settings and not in each query.
func sendable(name string, values []string) bool {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r) }) {
		return false
	}
	for _, v := range values {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return false
		}
	}
	return true
}
