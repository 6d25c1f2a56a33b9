package flagfile_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

func TestTheCommitOfTheCheckoutTravels(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git")
	}
	w := start(t, "flags")
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), git, append([]string{"-C", w.dir, "-c", "user.name=Ann", "-c", "user.email=a@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	commit := func() string {
		run("add", "-A")
		run("commit", "-q", "-m", "flags")
		return run("rev-parse", "HEAD")
	}
	run("init", "-q")
	w.file("flags/a.yaml", yaml("a=on"))
	first := commit()
	w.open()
	newest := func() annotate.Change {
		page, err := w.log.List(t.Context(), annotate.List{Limit: 1})
		require.NoError(t, err)
		return page.Changes[0]
	}
	require.Equal(t, first, newest().Commit)
	require.Equal(t, first, w.Status()[0].Commit)
	got, err := w.control.Get(control.ID{Environment: production, Key: "a"})
	require.NoError(t, err)
	require.Equal(t, first, got.Origin.Commit)
	_, err = w.control.Write(t.Context(), control.Request{ID: control.ID{Environment: production, Key: "a"}}, control.Delete())
	require.ErrorContains(t, err, first)

	w.file("flags/a.yaml", yaml("a=off"))
	w.look()
	require.Empty(t, newest().Commit, "what is not committed is of no commit")
	w.file("flags/a.yaml", yaml("a=on"))
	w.file("flags/b.yaml", yaml("b=on"))
	second := commit()
	w.look()
	require.Equal(t, second, newest().Commit)
	require.NotEqual(t, first, second)
}
