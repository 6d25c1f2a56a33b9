//go:build e2e

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFlagCommands moves flags from the command line, as a person would, on a
// started server.
func TestFlagCommands(t *testing.T) {
	s := serve(t, "--storage.path="+t.TempDir())
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write("flags.yaml", `
new-checkout:
  variations: {on: true, off: false}
  targeting: [{name: testers, query: beta eq true, variation: on}]
  defaultRule: {variation: off}
  metadata: {owner: ada, service: web}
theme:
  variations: {red: red, green: green, blue: blue}
  defaultRule: {percentage: {red: 10, green: 30, blue: 60}}
  metadata: {owner: ada}
`)
	write("wrong.yaml", "theme:\n  variations: {red: red}\n  defaultRule: {variation: mauve}\n")
	write("flagd.json", `{"flags": {"banner": {"state": "ENABLED", "variants": {"yes": true, "no": false}, "defaultVariant": "no",
		"targeting": {"if": [{"==": [{"var": "plan"}, "pro"]}, "yes", "no"]}}}}`)

	run := func(line string) (string, int) {
		t.Helper()
		args := strings.Split(line, " ")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ") // a blank in an argument
		}
		cmd := exec.Command("tidemark", append([]string{"flag"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TIDEMARK_SERVER="+s.url, "HOME="+dir, "TZ=UTC")
		out, err := cmd.CombinedOutput()
		if err != nil {
			_, exited := errors.AsType[*exec.ExitError](err)
			require.True(t, exited, err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	f := func(line string, code int, wants ...string) {
		t.Helper()
		out, got := run(line)
		require.Equal(t, code, got, "%s\n%s", line, out)
		for _, want := range wants {
			require.Regexp(t, regexp.MustCompile("(?m)"+want), out, line)
		}
	}
	f("lint flags.yaml", 0, "flags.yaml: 2 flags")
	f("lint wrong.yaml", 1, "wrong.yaml", "theme.defaultRule.variation", "mauve")
	f("import flags.yaml --output table -m to_begin_with", 0, `^new-checkout created \(production, revision 1,`, `^theme created`)
	f("import flags.yaml --output table", 0, "new-checkout in production is so already")
	f("import --from flagd flagd.json --print", 0, "^banner:", "variations:")
	f("import --from flagd flagd.json --output table --dry-run", 0, "would change banner")
	f("list --output table", 0, `^KEY +ENVIRONMENT +GIVES`, `^new-checkout +production +off +1 +ada`, `^theme +production +10% red, 30% green, 60% blue`)
	f("list", 0, `^\{"key":"new-checkout","environment":"production"`)
	f("on new-checkout -m launch --who Grace --output table", 0, `^flag web new-checkout: off → on \(production, revision 2,`, "1 targeting rule still comes first")
	f("set new-checkout on --percentage 25 --dry-run --output table", 0, `would change new-checkout in production: on → 25% on, 75% off`)
	f("set new-checkout on --percentage 25 --output table", 0, `on → 25% on, 75% off`)
	f("set new-checkout mauve", 1, `there is no variation "mauve"; say on, off`)
	f("set new-checkout on --percentage 101", 1, "percentage")
	f("set new-checkout", 2, "say which variation")
	f("set theme --file flags.yaml red", 2, "leave out the variation")
	f("ramp theme red --to 40 --over 1h --steps 3 --output table", 0, "ramp of theme began")
	f("list theme --output table", 0, `ramp of red to 40% until`)
	f("ramp theme --stop --output table", 0, "theme")
	f("ramp theme red", 2, "--over")
	f("schedule new-checkout off --at 2100-01-01T00:00:00Z", 1, "at")
	require.Contains(t, s.get("/api/v1/flag_files"), `"files":[]`)
	f("schedule new-checkout --cancel ..", 2, "no id of what is planned")
	f("show .. --output table", 1, "key")
	f("kill new-checkout -m errors --output table", 0, `25% on, 75% off → code default`)
	f("ramp new-checkout on --to 50 --over 1h", 1, "is disabled; switch it on before")
	f("on new-checkout --output table", 0, `code default → 25% on, 75% off`)
	f("history new-checkout --output table", 0, `^REVISION +WHEN +BY +GIVES`, `^5 .* local +25% on, 75% off`, `^4 .* code default`, `^1 .* off`)
	f("restore new-checkout 1 --output table", 0, `→ off \(production, revision 6`)
	f("show new-checkout --output table", 0, `^new-checkout:`, `query: beta eq true`)
	f("delete theme --output table", 0, "theme deleted")
	f("history theme --output table", 0, " deleted ")
	f("restore theme 1 --output table", 0, "theme restored")
	f("lint", 0)
	f("off nothing", 1, "there is no flag nothing in production")
	f("list --environment nowhere", 1, `no environment "nowhere"`)

	exported, code := run("export")
	require.Zero(t, code)
	write("again.yaml", exported)
	f("import again.yaml --output table", 0, "new-checkout in production is so already", "theme in production is so already")

	trigger, code := run("trigger new-checkout")
	require.Zero(t, code)
	url := strings.TrimSpace(strings.Split(trigger, "\n")[0])
	require.Contains(t, url, s.url+"/hooks/kill/production/new-checkout/")
	s.post(url[len(s.url):], "")
	f("list new-checkout --output table", 0, "code default")

	// The log has a line for each, with who and why.
	cmd := exec.Command("tidemark", "change", "list", "--kind", "flag", "--output", "table", "--limit", "100")
	cmd.Env = append(os.Environ(), "TIDEMARK_SERVER="+s.url, "HOME="+dir, "TZ=UTC")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `(?m)off → on +Grace +succeeded`, string(out))
	require.Greater(t, strings.Count(string(out), "\n"), 12, strconv.Quote(string(out)))
}
