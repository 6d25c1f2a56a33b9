package changelog

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// TestFlagsGoOnWithAFullDisk lets SQLite refuse to grow while flags are changed:
// what is refused leaves neither a line nor a revision, and evaluation goes on.
func TestFlagsGoOnWithAFullDisk(t *testing.T) {
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	settings := control.Settings{Environments: []string{"production"}}
	c, err := control.Open(t.Context(), control.Options{Log: l, Settings: settings})
	require.NoError(t, err)
	id := control.ID{Environment: "production", Key: "new"}
	write := func(to string) error {
		d, err := flag.ParseDefinition("", []byte(fmt.Sprintf(`{"variations":{"on":true,"off":false},"defaultRule":{"variation":%q},"metadata":{"description":%q}}`,
			to, strings.Repeat("x", 5000))), flag.JSON)
		require.NoError(t, err)
		_, err = c.Write(t.Context(), control.Request{ID: id, Author: control.Author{By: "ann", Reason: strings.Repeat("why ", 1000)}}, control.Put(d))
		return err
	}
	require.NoError(t, write("off"))
	limitPages(t, l, 120)
	kept := 1
	for refused, n := 0, 0; refused < 10; n++ {
		before, _ := c.Set("production")
		err := write([]string{"on", "off"}[n%2])
		if err == nil {
			kept++
			continue
		}
		n++ // the next one is to change something as well
		refused++
		require.Equal(t, annotate.Unavailable, annotate.CodeOf(err))
		after, _ := c.Set("production")
		was, _ := before.Get("new")
		is, _ := after.Get("new")
		require.Equal(t, was, is)
		require.Equal(t, was.Shares(was.Updated.Time)["on"] == 100, after.Evaluate("new", nil).Value)
	}
	require.Greater(t, kept, 2)
	requireLines := func() {
		t.Helper()
		page, err := l.List(t.Context(), annotate.List{Limit: annotate.MaxPage})
		require.NoError(t, err)
		require.Equal(t, kept, len(page.Changes))
		history, err := c.History(t.Context(), id, 0, annotate.MaxPage)
		require.NoError(t, err)
		require.Equal(t, kept, len(history))
	}
	requireLines()
	limitPages(t, l, 1<<30)
	f, err := c.Get(id)
	require.NoError(t, err)
	to := "on"
	if f.Shares(f.Updated.Time)["on"] == 100 {
		to = "off"
	}
	require.NoError(t, write(to))
	kept++
	requireLines()
	require.NoError(t, c.Close())
	again, err := control.Open(t.Context(), control.Options{Log: l, Settings: settings})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	set, _ := again.Set("production")
	require.Equal(t, to == "on", set.Evaluate("new", nil).Value)
}
