// Package tests holds the plugin as a whole: the backend as Grafana starts it,
// against a real Tidemark. The front end's half is in browser.
package tests
