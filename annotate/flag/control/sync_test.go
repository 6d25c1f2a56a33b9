package control_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

const booleanOn = `{"variations":{"on":true,"off":false},"defaultRule":{"variation":"on"}}`

func file(t testing.TB, path, commit string, flags map[string]string) control.File {
	f := control.File{Environment: production, Path: path, Commit: commit, Flags: map[string]flag.Definition{}}
	for key, text := range flags {
		f.Flags[key] = definition(t, text)
	}
	return f
}

func TestAFileIsTaken(t *testing.T) {
	w := open(t, control.Options{Settings: control.Settings{Environments: []string{production}, RequireReason: []string{production}}})
	sync := func(f control.File, want control.Synced) {
		t.Helper()
		got, err := w.Sync(t.Context(), f)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	sync(file(t, "/a.yaml", "c1", map[string]string{"a": boolean, "b": boolean}), control.Synced{Created: 2})
	require.Equal(t, "c1", w.last().Commit)
	require.Equal(t, "flag files", w.last().Who.Name)
	sync(file(t, "/a.yaml", "c2", map[string]string{"a": boolean, "b": boolean}), control.Synced{})
	require.Len(t, w.lines(), 2, "a new commit alone changes no flag")
	sync(file(t, "/a.yaml", "c3", map[string]string{"a": booleanOn}), control.Synced{Changed: 1, Deleted: 1})
	lines := w.lines()
	require.Equal(t, []string{"", "b deleted"}, []string{lines[2].Title, lines[3].Title})
	require.Equal(t, []string{"c3", "c3"}, []string{lines[2].Commit, lines[3].Commit})
	got, err := w.Get(id("a"))
	require.NoError(t, err)
	require.Equal(t, &flag.Origin{Path: "/a.yaml", Commit: "c3"}, got.Origin)
	require.Equal(t, []string{"/a.yaml"}, w.Files(production))

	for _, cmd := range []control.Command{flip("off"), kill(), control.Delete(), control.Put(definition(t, boolean)), control.Restore(1)} {
		_, err := w.Write(t.Context(), by("ann", "a", "r"), cmd)
		require.Equal(t, annotate.Conflict, code(err))
		require.ErrorContains(t, err, "/a.yaml (commit c3)")
	}
	w = w.reopen()
	require.Equal(t, true, w.value("a", "u"), "the last good one stays")

	released, err := w.Release(t.Context(), production, "/a.yaml")
	require.NoError(t, err)
	require.Equal(t, control.Synced{Changed: 1}, released)
	w.write(by("ann", "a", "r"), flip("off"))
}

func TestAFileIsRefusedWhole(t *testing.T) {
	w := open(t, control.Options{Settings: control.Settings{Environments: []string{production}, MaxFlags: 3}})
	w.put("mine", boolean)
	_, err := w.Sync(t.Context(), file(t, "/a.yaml", "", map[string]string{"a": boolean}))
	require.NoError(t, err)
	f := func(file control.File, want annotate.Code, says ...string) {
		t.Helper()
		before := w.lines()
		_, err := w.Sync(t.Context(), file)
		require.Equal(t, want, code(err), "%v", err)
		for _, s := range says {
			require.ErrorContains(t, err, s)
		}
		require.Equal(t, before, w.lines())
	}
	both := file(t, "/b.yaml", "", map[string]string{"b": boolean, "mine": boolean, "a": boolean})
	both.Others = func(string) []string { return []string{"/a.yaml"} }
	f(both, annotate.Conflict,
		"mine: is defined through the API already", "a: is defined by the file /a.yaml already")
	wrong := file(t, "/b.yaml", "", map[string]string{"b": boolean})
	wrong.Flags["c"] = flag.Definition{}
	f(wrong, annotate.Invalid, "c.variations")
	f(file(t, "/b.yaml", "", map[string]string{"b": boolean, "c": boolean}), annotate.TooMany, "would have 4 flags", "flags.max_flags")
	f(control.File{Environment: "test", Path: "/b.yaml"}, annotate.NotFound)

	moved := file(t, "/b.yaml", "", map[string]string{"a": boolean})
	away := file(t, "/a.yaml", "", nil)
	away.Others = func(string) []string { return []string{"/b.yaml"} }
	got, err := w.Sync(t.Context(), away)
	require.NoError(t, err)
	require.Zero(t, got, "it is not away before the other has it")
	got, err = w.Sync(t.Context(), moved)
	require.NoError(t, err)
	require.Equal(t, control.Synced{Changed: 1}, got)
	require.Equal(t, "a moved to another file", w.last().Title)
	got, err = w.Sync(t.Context(), file(t, "/a.yaml", "", nil))
	require.NoError(t, err)
	require.Zero(t, got, "it is the other's now")
}

func TestWhatTheLogWouldRefuseIsRefusedBeforeTheFirstBatch(t *testing.T) {
	w := open(t, control.Options{})
	f := func(file control.File, field string) {
		t.Helper()
		for i := range 250 {
			file.Flags[fmt.Sprintf("flag-%03d", i)] = definition(t, boolean)
		}
		got, err := w.Sync(t.Context(), file)
		require.Equal(t, annotate.Invalid, code(err), "%v", err)
		require.ErrorContains(t, err, field)
		require.Zero(t, got)
		require.Empty(t, w.lines())
	}
	for name, text := range map[string]string{"service": "shop\n", "owner": "ann\x00"} {
		wrong := file(t, "/a.yaml", "", map[string]string{"z": boolean})
		z := wrong.Flags["z"]
		z.Metadata = &map[string]any{name: text}
		wrong.Flags["z"] = z
		f(wrong, "z.metadata."+name)
	}
	f(file(t, "/a.yaml", "not\na commit", nil), "commit")
}

func TestALargeFileIsTakenInBatches(t *testing.T) {
	w := open(t, control.Options{})
	flags := map[string]string{}
	for i := range 450 {
		flags[fmt.Sprintf("flag-%03d", i)] = boolean
	}
	got, err := w.Sync(t.Context(), file(t, "/a.yaml", "", flags))
	require.NoError(t, err)
	require.Equal(t, control.Synced{Created: 450}, got)
	set, _ := w.Set(production)
	require.Equal(t, 450, set.Len())
	require.Len(t, w.lines(), 450)
	before, _ := w.Version(production)
	w = w.reopen()
	after, _ := w.Version(production)
	require.Equal(t, before.ETag, after.ETag, "what is published is what is kept")
}
