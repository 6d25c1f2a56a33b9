package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/internal/config"
)

func TestRuleFilesAreCheckedAndNotActedOn(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	write("good.yml", "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]")
	write("bad.yml", "groups: [{name: g, rules: [{alert: Down, expr: up ==}]}]")
	f := func(pattern string) (*config.Config, error) {
		return config.Load(write("tidemark.yml", "rule_files: ["+pattern+"]\nalerting: {alertmanagers: [{static_configs: [{targets: [a]}]}]}\ntracing: {endpoint: b}\n"))
	}
	_, err := f("bad.yml")
	require.ErrorContains(t, err, "tidemark.yml: rule_files: ")
	require.ErrorContains(t, err, "bad.yml")
	for _, pattern := range []string{"good.yml", "none-*.yml"} {
		cfg, err := f(pattern)
		require.NoError(t, err)
		require.Len(t, cfg.Notes, 3)
		for i, section := range []string{"rule_files: ", "alerting: ", "tracing: "} {
			require.True(t, strings.HasPrefix(cfg.Notes[i], section), cfg.Notes[i])
			require.Contains(t, cfg.Notes[i], "not acted on")
		}
	}
}
