//go:build e2e

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadmeTour runs the README's tour: each `sh` block in one shell session
// against a fresh server, and what it prints must match the `text` block below
// it, in which `…` stands for anything.
func TestReadmeTour(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, tour, found := strings.Cut(string(readme), "\n## A five-minute tour\n")
	require.True(t, found)
	tour, _, _ = strings.Cut(tour, "\n## ")

	// What the tour has in tidemark.yml is there from the beginning.
	cfg := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(tour)
	require.NotNil(t, cfg)
	file := filepath.Join(t.TempDir(), "tidemark.yml")
	require.NoError(t, os.WriteFile(file, []byte(cfg[1]), 0o600))
	s := serve(t, "--storage.path="+t.TempDir(), "--config.file="+file)
	// `make run` is what serve did; the first scrape takes a few seconds.
	s.waitValue(`count(node_load1)`, "1")
	home := t.TempDir()
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```(?:\n+```text\n(.*?)```)?").FindAllStringSubmatch(tour, -1)
	require.Greater(t, len(blocks), 4)
	for _, block := range blocks {
		script, want := block[1], block[2]
		if strings.HasPrefix(script, "make run") {
			continue
		}
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.ReplaceAll(script, "http://127.0.0.1:9797", s.url))
		cmd.Env = append(os.Environ(), "TIDEMARK_SERVER="+s.url, "HOME="+home, "TIDEMARK_SPOOL="+home+"/spool")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", script, out)
		if want != "" {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(want)), "…", ".*?")
			require.Regexp(t, "(?s)^"+pattern+"$", strings.TrimSpace(string(out)), script)
		}
	}
}
