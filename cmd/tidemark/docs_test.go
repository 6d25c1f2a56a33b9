//go:build e2e

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/query/promapi"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("../..", name))
	require.NoError(t, err)
	return string(doc)
}

// TestDocsNameEverything keeps the documents true: each flag, route and own
// metric is in them, and they name no other.
func TestDocsNameEverything(t *testing.T) {
	s := serve(t, "--storage.path="+t.TempDir())
	operating := readDoc(t, "docs/operating.md")

	t.Run("flags of serve", func(t *testing.T) {
		help, err := exec.Command("tidemark", "serve", "--help").Output()
		require.NoError(t, err)
		there := regexp.MustCompile(`--([a-z]+\.[a-z.-]+)`).FindAllStringSubmatch(string(help), -1)
		require.Greater(t, len(there), 10)
		for _, flag := range there {
			require.Contains(t, operating, "| `--"+flag[1]+"`")
		}
		for _, flag := range regexp.MustCompile("(?m)^\\| `(--[a-z.-]+)`").FindAllStringSubmatch(operating, -1) {
			require.Contains(t, string(help), flag[1])
		}
	})
	t.Run("own routes", func(t *testing.T) {
		var spec struct {
			Paths map[string]map[string]json.RawMessage `json:"paths"`
		}
		require.NoError(t, json.Unmarshal([]byte(s.get("/openapi.json")), &spec))
		require.NotEmpty(t, spec.Paths)
		api := readDoc(t, "docs/api.md")
		for path, operations := range spec.Paths {
			for method := range operations {
				require.Contains(t, api, "`"+strings.ToUpper(method)+" "+path+"`")
			}
		}
		for _, route := range regexp.MustCompile("`(GET|POST|PUT|PATCH) (/[^`{]*)`").FindAllStringSubmatch(api, -1) {
			req, err := http.NewRequest(http.MethodTrace, s.url+route[2], nil) // no route takes it
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, route[2])
		}
	})
	t.Run("own metrics", func(t *testing.T) {
		// Meet what is only counted when it happens.
		_, _ = http.Get(s.url + "/metrics")
		names := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^(tidemark_[a-z_]+)`).FindAllStringSubmatch(s.get("/metrics"), -1) {
			names[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(m[1], "")] = true
		}
		require.Greater(t, len(names), 10)
		for name := range names {
			require.Regexp(t, "`"+name+"[`{]", operating, "docs/operating.md lacks the metric")
		}
	})
	t.Run("PromQL parses", func(t *testing.T) {
		expressions := 0
		for _, page := range []string{"README.md", "docs/change-series.md", "docs/flags.md"} {
			for _, block := range regexp.MustCompile("(?s)```promql\n(.*?)```").FindAllStringSubmatch(readDoc(t, page), -1) {
				for expr := range strings.SplitSeq(block[1], "\n\n") {
					_, err := promapi.NewParser().ParseExpr(expr)
					require.NoError(t, err, "%s: %s", page, expr)
					expressions++
				}
			}
		}
		require.Greater(t, expressions, 8)
	})
	t.Run("links lead somewhere", func(t *testing.T) {
		pages, err := filepath.Glob("../../docs/*.md")
		require.NoError(t, err)
		for _, page := range append(pages, "../../README.md", "../../ARCHITECTURE.md", "../../CONTRIBUTING.md") {
			content, err := os.ReadFile(page)
			require.NoError(t, err)
			for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(content), -1) {
				_, err := os.Stat(filepath.Join(filepath.Dir(page), link[1]))
				require.NoError(t, err, "%s links to %s", page, link[1])
			}
		}
	})
}
