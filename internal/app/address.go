package app

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// schemeOf returns the scheme that the web configuration file at path has the
// server speak: https where it names a certificate, and http where it does not
// or where there is no file.
func schemeOf(path string) (string, error) {
	if path == "" {
		return "http", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the web configuration: %w", err)
	}
	var cfg web.Config
	if err := yaml.UnmarshalStrict(content, &cfg); err != nil {
		return "", fmt.Errorf("reading the web configuration %s: %w", path, err)
	}
	if cfg.TLSConfig.IsEnabled() {
		return "https", nil
	}
	return "http", nil
}

// URL is where the server listens, with the path under which it serves.
func (a *App) URL() string {
	u := url.URL{Scheme: a.scheme, Host: a.Addr()}
	if a.opts.ExternalURL != nil {
		u.Path = strings.TrimRight(a.opts.ExternalURL.Path, "/")
	}
	return u.String()
}

// externalURL is how others reach this server.
func (a *App) externalURL() *url.URL {
	if a.opts.ExternalURL != nil {
		return a.opts.ExternalURL
	}
	return &url.URL{Scheme: a.scheme, Host: a.Addr()}
}
