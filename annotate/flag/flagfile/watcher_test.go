package flagfile_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const production = "production"

// world is a Watcher with everything that is behind it.
type world struct {
	*flagfile.Watcher
	t       *testing.T
	dir     string
	store   string
	log     *changelog.Log
	control *control.Control
	set     *metrics.Set
	sources []flagfile.Source
	taken   []control.File // what was handed to the controls
	ahead   atomic.Int64   // how far the Watcher's clock is ahead of that of the files
}

// taking is the controls, which note what they are to take.
type taking struct {
	*control.Control
	w *world
}

func (t taking) Sync(ctx context.Context, file control.File) (control.Synced, error) {
	t.w.taken = append(t.w.taken, file)
	return t.Control.Sync(ctx, file)
}

// now is the Watcher's clock.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// settle lets everything that was seen settle.
func (w *world) settle() { w.ahead.Add(int64(2 * time.Hour)) }

// start starts a Watcher that looks at its files when it is told to, of sources
// with paths in a folder of the test's.
func start(t *testing.T, sources ...string) *world {
	w := &world{t: t, dir: t.TempDir(), store: filepath.Join(t.TempDir(), "changes.db")}
	w.settle()
	for _, path := range sources {
		w.sources = append(w.sources, flagfile.Source{Path: filepath.Join(w.dir, path), Environment: production})
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) open() *world {
	w.t.Helper()
	var err error
	w.set = metrics.NewSet()
	w.log, err = changelog.Open(context.Background(), w.store, changelog.Options{})
	require.NoError(w.t, err)
	w.control, err = control.Open(context.Background(), control.Options{Log: w.log, Settings: control.Settings{Environments: []string{production}}})
	require.NoError(w.t, err)
	w.Watcher = flagfile.Start(context.Background(), flagfile.Options{
		Control: taking{w.control, w}, Sources: w.sources, Metrics: w.set, Logger: slog.New(slog.DiscardHandler), Poll: time.Hour, Settle: time.Hour, Now: w.now,
	})
	return w
}

func (w *world) close() {
	if w.log == nil {
		return
	}
	require.NoError(w.t, w.Close())
	require.NoError(w.t, w.control.Close())
	require.NoError(w.t, w.log.Close())
	w.log = nil
}

func (w *world) file(path, text string) string {
	w.t.Helper()
	path = filepath.Join(w.dir, path)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(w.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (w *world) remove(path string) {
	w.t.Helper()
	require.NoError(w.t, os.RemoveAll(filepath.Join(w.dir, path)))
}

// look takes everything as it is, with looks that are far enough apart.
func (w *world) look() {
	for range 2 {
		w.settle()
		w.Refresh(context.Background())
	}
}

// keys are those of the flags that are evaluated, with the file that each is of.
func (w *world) keys() map[string]string {
	set, ok := w.control.Set(production)
	require.True(w.t, ok)
	keys := map[string]string{}
	for _, f := range set.Flags() {
		keys[f.Key] = ""
		if f.Origin != nil {
			rel, err := filepath.Rel(w.dir, f.Origin.Path)
			require.NoError(w.t, err)
			keys[f.Key] = rel
		}
	}
	return keys
}

func (w *world) value(key string) any {
	set, _ := w.control.Set(production)
	return set.Evaluate(key, flag.NewContext("u", nil)).Value
}

// lines are the titles of the log's changes, newest first, or "moved".
func (w *world) lines() []string {
	page, err := w.log.List(context.Background(), annotate.List{Limit: annotate.MaxPage})
	require.NoError(w.t, err)
	lines := []string{}
	for _, c := range page.Changes {
		lines = append(lines, strings.TrimSpace(c.Flag.Key+" "+strings.TrimPrefix(c.Title, c.Flag.Key+" ")))
	}
	return lines
}

// problems are what Status says of a file.
func (w *world) problems(path string) []string {
	w.t.Helper()
	for _, s := range w.Status() {
		if s.Path == filepath.Join(w.dir, path) {
			gauge := w.set.GetOrCreateGauge(fmt.Sprintf("tidemark_flag_file_ok{environment=%q,path=%q}", production, s.Path), nil).Get()
			require.Equal(w.t, s.OK, gauge == 1)
			require.Equal(w.t, s.OK, len(s.Problems) == 0)
			return s.Problems
		}
	}
	w.t.Fatalf("there is no status of %s", path)
	return nil
}

// yaml is a file with flags that give on or off.
func yaml(flags ...string) string {
	var b strings.Builder
	b.WriteString("# flags\n")
	for _, f := range flags {
		key, to, _ := strings.Cut(f, "=")
		fmt.Fprintf(&b, "%s:\n  variations: {\"on\": true, \"off\": false}\n  defaultRule: {variation: \"%s\"}\n", key, to)
	}
	return b.String()
}

func TestFoldersFilesAndPatterns(t *testing.T) {
	w := start(t, "folder", "one.json", "teams/*/flags.toml")
	w.file("folder/a.yaml", yaml("a=on"))
	w.file("folder/b.yml", yaml("b=on"))
	w.file("folder/.hidden.yaml", yaml("hidden=on"))
	w.file("folder/notes.txt", "no flags")
	w.file("folder/below/c.yaml", yaml("below=on"))
	w.file("one.json", `{"j": {"variations": {"on": true, "off": false}, "defaultRule": {"variation": "on"}}}`)
	w.file("teams/x/flags.toml", "[x]\nvariations = {on = true, off = false}\ndefaultRule = {variation = \"on\"}\n")
	w.file("teams/y/flags.toml", "[y]\nvariations = {on = true, off = false}\ndefaultRule = {variation = \"on\"}\n")
	w.open()
	require.Equal(t, map[string]string{
		"a": "folder/a.yaml", "b": "folder/b.yml", "j": "one.json", "x": "teams/x/flags.toml", "y": "teams/y/flags.toml",
	}, w.keys())
	require.Len(t, w.Status(), 5)
	for key := range w.keys() {
		require.Equal(t, true, w.value(key))
	}
	before := w.lines()
	w.look()
	require.Equal(t, before, w.lines())

	w.file("folder/a.yaml", yaml("a=off", "a2=on"))
	w.remove("folder/b.yml")
	w.look()
	require.Equal(t, false, w.value("a"))
	require.ElementsMatch(t, []string{"a", "a2 created", "b deleted"}, w.lines()[:3])
	require.Len(t, w.Status(), 4)
}

func TestAWrongFileIsRefusedWholeAndTheLastGoodOneStays(t *testing.T) {
	w := start(t, "folder")
	path := w.file("folder/a.yaml", yaml("a=on", "b=on"))
	w.file("folder/other.yaml", yaml("c=on"))
	w.open()
	f := func(text string, says ...string) {
		t.Helper()
		w.file("folder/a.yaml", text)
		w.file("folder/other.yaml", yaml("c=on")+"# "+text)
		w.look()
		problems := w.problems("folder/a.yaml")
		require.Len(t, problems, len(says))
		for i := range says {
			require.True(t, strings.HasPrefix(problems[i], path+says[i]), "%s\n%s", problems[i], path+says[i])
		}
		require.Equal(t, map[string]string{"a": "folder/a.yaml", "b": "folder/a.yaml", "c": "folder/other.yaml"}, w.keys())
		require.Equal(t, true, w.value("a"))
	}
	f(yaml("a=off", "b=blue"), ":7: b.defaultRule.variation: ")
	f(yaml("a=off", "b=on")+"b:\n", ":5: b: is there twice")
	f("a: {variations: [", ": ")
	f("", ": is empty; write {}")
	f(`{"a": {"variations": {"on": true, "off": false}, "defaultRule": {"variation": "on"}, "colour": 1},`+"\n"+
		` "b": {"variations": {"on": true}}}`, ":1: a.colour: ", ":2: b.defaultRule: ")
	require.Len(t, w.lines(), 3)
	w.close()
	w.open()
	require.Equal(t, true, w.value("a"), "also across a restart")
	require.Len(t, w.problems("folder/a.yaml"), 2)
	w.file("folder/a.yaml", "{}")
	w.look()
	require.Equal(t, map[string]string{"c": "folder/other.yaml"}, w.keys())
}

func TestAFlagHasOneHome(t *testing.T) {
	w := start(t, "*.yaml")
	w.file("a.yaml", yaml("a=on", "x=on"))
	w.file("b.yaml", yaml("b=on"))
	w.open()
	_, err := w.control.Write(t.Context(), control.Request{ID: control.ID{Environment: production, Key: "mine"}, Author: control.Author{By: "ann"}},
		control.Put(mustParse(t, `{"variations":{"on":true,"off":false},"defaultRule":{"variation":"off"}}`)))
	require.NoError(t, err)

	b := w.file("b.yaml", yaml("b=on", "x=off", "mine=on"))
	w.look()
	require.Equal(t, []string{
		b + ":8: mine: is defined through the API already; delete it there, or take it out of the file",
		b + ":5: x: is defined by the file " + filepath.Join(w.dir, "a.yaml") + " already; take it out of one of them",
	}, w.problems("b.yaml"))
	require.Empty(t, w.problems("a.yaml"))
	require.Equal(t, true, w.value("x"))

	// It moves: at no time is it away, and its line says so.
	seen, err := w.control.Subscribe(production)
	require.NoError(t, err)
	defer seen.Close()
	w.file("b.yaml", yaml("b=on", "x=on"))
	w.file("a.yaml", yaml("a=on"))
	w.look()
	require.Equal(t, map[string]string{"a": "a.yaml", "b": "b.yaml", "x": "b.yaml", "mine": ""}, w.keys())
	require.Equal(t, "x moved to another file", w.lines()[0])
	for _, s := range w.Status() {
		require.True(t, s.OK, s)
	}
	// And swapped.
	w.file("a.yaml", yaml("x=on", "b=on"))
	w.file("b.yaml", yaml("a=on"))
	before := len(w.lines())
	w.look()
	require.Equal(t, map[string]string{"a": "b.yaml", "b": "a.yaml", "x": "a.yaml", "mine": ""}, w.keys())
	require.Len(t, w.lines(), before+3)
}

func TestOnlyWhatIsNewIsReadAndTaken(t *testing.T) {
	w := start(t, "flags")
	w.file("flags/a.yaml", yaml("a=on", "x=on"))
	w.file("flags/b.yaml", yaml("b=on", "a=on"))
	w.open()
	require.Len(t, w.taken, 2)
	require.Len(t, w.problems("flags/b.yaml"), 1)
	w.look()
	require.Len(t, w.taken, 4)
	for i, file := range w.taken[2:] {
		require.Equal(t, filepath.Join(w.dir, "flags/b.yaml"), file.Path, "the other one is as it was taken")
		require.Equal(t, reflect.ValueOf(w.taken[1].Flags).Pointer(), reflect.ValueOf(file.Flags).Pointer(), "look %d", i)
	}

	// What was left to another file goes, once that does not want it any more.
	w.file("flags/a.yaml", yaml("a=on"))
	w.file("flags/b.yaml", yaml("x=on", "a=on"))
	w.look()
	require.Equal(t, "flags/a.yaml", w.keys()["x"])
	w.file("flags/b.yaml", yaml("b=on"))
	w.look()
	require.Equal(t, map[string]string{"a": "flags/a.yaml", "b": "flags/b.yaml"}, w.keys())
	w.taken = nil
	w.look()
	require.Empty(t, w.taken)
}

func TestFilesThatVanishTakeNoFlagsAway(t *testing.T) {
	w := start(t, "mount", "one.yaml")
	w.file("mount/a.yaml", yaml("a=on"))
	w.file("mount/b.yaml", yaml("b=on"))
	w.file("one.yaml", yaml("c=on"))
	w.open()
	all := w.keys()
	require.Len(t, all, 3)
	w.remove("mount/a.yaml")
	w.remove("mount/b.yaml")
	w.remove("one.yaml")
	w.look()
	require.Equal(t, all, w.keys(), "an empty folder is a mount that went away")
	require.Contains(t, w.problems("mount")[0], "has no files of flags")
	require.Contains(t, w.problems("one.yaml")[0], "no such file")
	w.remove("mount")
	w.look()
	require.Equal(t, all, w.keys())
	w.file("mount/b.yaml", yaml("b=on"))
	w.look()
	require.Equal(t, map[string]string{"b": "mount/b.yaml", "c": "one.yaml"}, w.keys(), "now one of them is gone on purpose")
	require.Equal(t, "a deleted", w.lines()[0])
}

func TestSourcesThatAreTakenOutLeaveTheirFlagsToTheAPI(t *testing.T) {
	w := start(t, "a.yaml", "b.yaml")
	w.file("a.yaml", yaml("a=on"))
	w.file("b.yaml", yaml("b=on"))
	w.open()
	w.Apply(t.Context(), w.sources[:1])
	require.Equal(t, map[string]string{"a": "a.yaml", "b": ""}, w.keys())
	require.Equal(t, "b is changed through the API from now on", w.lines()[0])
	require.Len(t, w.Status(), 1)
	// The same file by another path goes on with its flags.
	w.file("sub/a.yaml", yaml("a=off"))
	w.Apply(t.Context(), []flagfile.Source{{Path: filepath.Join(w.dir, "sub"), Environment: production}})
	require.Equal(t, map[string]string{"a": "sub/a.yaml", "b": ""}, w.keys())
	require.Equal(t, false, w.value("a"))
}

func mustParse(t *testing.T, text string) flag.Definition {
	d, err := flag.ParseDefinition("", []byte(text), flag.JSON)
	require.NoError(t, err)
	return d
}

func TestFilesAreWatched(t *testing.T) {
	w := start(t, "flags")
	// As Kubernetes mounts them: the folder's entries lead through a link that is swapped.
	version := func(name, text string) {
		t.Helper()
		w.file("flags/"+name+"/a.yaml", text)
		link := filepath.Join(w.dir, "flags", "..tmp")
		require.NoError(t, os.Symlink(name, link))
		require.NoError(t, os.Rename(link, filepath.Join(w.dir, "flags", "..data")))
	}
	version("..v1", yaml("a=off"))
	require.NoError(t, os.Symlink("..data/a.yaml", filepath.Join(w.dir, "flags/a.yaml")))
	w.open()
	require.NoError(t, w.Close())
	w.Watcher = flagfile.Start(t.Context(), flagfile.Options{Control: w.control, Sources: w.sources, Poll: time.Hour, Settle: time.Millisecond})
	require.Equal(t, false, w.value("a"))
	soon := func(what func() bool) {
		t.Helper()
		require.Eventually(t, what, 20*time.Second, time.Millisecond)
	}
	version("..v2", yaml("a=on"))
	soon(func() bool { return w.value("a") == true })
	w.file("flags/b.yaml", yaml("b=on"))
	soon(func() bool { return w.value("b") == true })
	require.NoError(t, os.Rename(w.file("flags/new", yaml("b=off")), filepath.Join(w.dir, "flags/b.yaml")))
	soon(func() bool { return w.value("b") == false })
	w.remove("flags/b.yaml")
	soon(func() bool { return len(w.keys()) == 1 })
}

func TestAFileThatIsBeingWrittenWaits(t *testing.T) {
	w := start(t, "flags")
	w.file("flags/a.yaml", yaml("a=on", "b=on"))
	w.open()
	before := w.lines()
	w.ahead.Store(0) // what is written now is new
	w.file("flags/a.yaml", yaml("a=off"))
	w.file("flags/c.yaml", yaml("c=on"))
	w.Refresh(t.Context())
	require.Equal(t, before, w.lines(), "it may be half of it")
	require.Len(t, w.Status(), 1)
	w.file("flags/a.yaml", yaml("a=off", "b=on"))
	w.Refresh(t.Context())
	require.Equal(t, before, w.lines())
	w.look()
	require.Equal(t, map[string]string{"a": "flags/a.yaml", "b": "flags/a.yaml", "c": "flags/c.yaml"}, w.keys())
	require.Equal(t, []string{"c created", "a"}, w.lines()[:2])
	require.Len(t, w.lines(), len(before)+2)
}

func TestAFileFromAnotherClockIsTaken(t *testing.T) {
	w := start(t, "flags")
	path := w.file("flags/a.yaml", yaml("a=on"))
	later := time.Now().AddDate(1, 0, 0)
	require.NoError(t, os.Chtimes(path, later, later))
	w.file("flags/b.yaml", yaml("b=on"))
	w.sources = w.sources[:0]
	w.open()
	w.ahead.Store(0)
	require.NoError(t, w.Close())
	w.Watcher = flagfile.Start(t.Context(), flagfile.Options{
		Control: w.control, Sources: []flagfile.Source{{Path: filepath.Dir(path), Environment: production}}, Poll: time.Hour, Settle: 10 * time.Millisecond,
	})
	require.Len(t, w.keys(), 2, "the start waits for what is new")
}

func TestWhatIsGoneForOneLookStays(t *testing.T) {
	w := start(t, "flags")
	w.file("flags/a.yaml", yaml("a=on"))
	w.file("flags/b.yaml", yaml("b=on", "b2=on"))
	w.open()
	all, before := w.keys(), w.lines()
	stays := func() {
		t.Helper()
		w.Refresh(t.Context())
		require.Equal(t, all, w.keys())
		require.Equal(t, before, w.lines())
	}
	w.remove("flags/a.yaml") // as Git does before it writes the file anew
	stays()
	w.file("flags/a.yaml", yaml("a=on"))
	w.settle()
	stays()
	w.file("flags/b.yaml", yaml("b=on")) // as old as it may be, it was seen once
	stays()
	w.file("flags/b.yaml", yaml("b=on", "b2=on"))
	w.settle()
	stays()

	// A flag is on its way from a file that has settled to one that has not.
	w.file("flags/b.yaml", yaml("b=on"))
	stays()
	w.settle()
	path := w.file("flags/c.yaml", yaml("b2=on"))
	later := w.now().AddDate(1, 0, 0)
	require.NoError(t, os.Chtimes(path, later, later))
	stays()
	w.look()
	require.Equal(t, map[string]string{"a": "flags/a.yaml", "b": "flags/b.yaml", "b2": "flags/c.yaml"}, w.keys())
	require.Equal(t, "b2 moved to another file", w.lines()[0])
	require.Len(t, w.lines(), len(before)+1)
	all, before = w.keys(), w.lines()

	w.remove("flags/a.yaml")
	w.settle()
	stays()
	w.settle()
	w.Refresh(t.Context())
	require.Equal(t, "a deleted", w.lines()[0], "two looks agree")
}

func TestFilesAreLookedAtFromTimeToTime(t *testing.T) {
	w := start(t, "flags.yaml")
	w.file("flags.yaml", yaml("a=off"))
	w.open()
	require.NoError(t, w.Close())
	w.Watcher = flagfile.Start(t.Context(), flagfile.Options{Control: w.control, Sources: w.sources, Poll: time.Millisecond, Settle: time.Hour, Now: w.now})
	w.file("flags.yaml", yaml("a=on"))
	require.Eventually(t, func() bool { return w.value("a") == true }, 20*time.Second, time.Millisecond)
}
