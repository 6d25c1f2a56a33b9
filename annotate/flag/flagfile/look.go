package flagfile

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// metricFileOK says of each file of flags whether the flags are as it says.
const metricFileOK = "tidemark_flag_file_ok"

func metricName(p place) string {
	return fmt.Sprintf("%s{environment=%q,path=%q}", metricFileOK, p.environment, p.path)
}

// known is what is known of a file.
type known struct {
	content // as it was when it had settled last
	status  Status
	// taken is what was taken last.
	taken [sha256.Size]byte
	seen  sight
	// settled says that the newest look is the content: nobody is writing it.
	settled bool
	// stood says that looks that are far enough apart agree about it.
	stood bool
}

// sight is a file as it was last seen, and since when it has been so.
type sight struct {
	there bool
	sum   [sha256.Size]byte
	since time.Time
}

// look reads all files, and has the controls take those that changed, or that
// could not be taken before. It returns whether something has to settle first,
// and is to be looked at again.
func (w *Watcher) look(ctx context.Context) (again bool) {
	w.sources = *w.wanted.Load()
	w.follow()
	found, broken := w.find()
	w.read(found)
	git := newCommits()
	for _, environment := range w.control.Environments() {
		if w.take(ctx, git, environment, found) {
			again = true
			continue // what has to settle may be a file that has others' flags now
		}
		w.release(ctx, environment, broken)
	}
	w.report(broken)
	return again
}

// find returns the files of all sources, and those sources, or files, that cannot be told.
func (w *Watcher) find() (found map[place]bool, broken map[place]error) {
	found, broken = map[place]bool{}, map[place]error{}
	for _, s := range w.sources {
		paths, err := s.files()
		if err != nil {
			broken[place{s.Environment, s.Path}] = err
		}
		for _, path := range paths {
			found[place{s.Environment, path}] = true
		}
	}
	// A file that is gone defines no flags any more, if its source still has others.
	for _, environment := range w.control.Environments() {
		for path := range w.origins(environment) {
			p := place{environment, path}
			if s, ok := w.sourceOf(p); ok && !found[p] && broken[place{environment, s.Path}] == nil {
				found[p] = false
			}
		}
	}
	return found, broken
}

// origins returns the keys of an environment's flags by the paths of the files that they are of.
func (w *Watcher) origins(environment string) map[string][]string {
	keys := map[string][]string{}
	if set, ok := w.control.Set(environment); ok {
		for _, f := range set.Flags() {
			if f.Origin != nil {
				keys[f.Origin.Path] = append(keys[f.Origin.Path], f.Key)
			}
		}
	}
	return keys
}

func (w *Watcher) sourceOf(p place) (Source, bool) {
	for _, s := range w.sources {
		if s.Environment == p.environment && s.owns(p.path) {
			return s, true
		}
	}
	return Source{}, false
}

// read reads the files that were found.
func (w *Watcher) read(found map[place]bool) {
	for p := range w.files {
		if _, there := found[p]; !there {
			delete(w.files, p)
		}
	}
	for p, there := range found {
		k := w.files[p]
		if k == nil {
			k = &known{
				content: content{path: p.path, err: errUnsettled},
				status:  Status{Environment: p.environment, Path: p.path},
			}
			w.files[p] = k
		}
		next := content{path: p.path} // it is gone, and defines nothing
		if there {
			next = readFile(p.path)
		}
		w.settles(k, there, next)
	}
}

// due reports whether a file is to be taken, of which an environment has the flags
// with these keys. One that is as it was taken is not, unless it left flags to
// another file that may not want them any more.
func (k *known) due(keys []string) bool {
	if !k.settled || k.err != nil || !k.status.OK || k.sum != k.taken {
		return true
	}
	return slices.ContainsFunc(keys, k.lacks)
}

func (k *known) lacks(key string) bool {
	_, there := k.flags[key]
	return !there
}

var errUnsettled = errors.New("is being written")

// settles takes over what a file has, unless that may be half of it: a file is
// read when it was left alone for some time, and is gone when it was missing as
// long. Times of files may come from another clock, so that one which does not
// change is taken all the same.
func (w *Watcher) settles(k *known, there bool, next content) {
	now := w.now()
	if k.seen.since.IsZero() || k.seen.there != there || k.seen.sum != next.sum {
		k.seen = sight{there, next.sum, now}
	}
	k.stood = now.Sub(k.seen.since) >= w.settle
	k.settled = k.stood || there && now.Sub(next.modified) >= w.settle
	if !k.settled {
		return
	}
	if there && next.err == nil && next.sum == k.sum {
		return // to find what a file defines takes long
	}
	if there {
		next.parse()
	}
	k.content = next
}

// take has the controls take those files of an environment that are due. It returns
// whether some have to settle first: what takes flags away waits until looks agree
// on it and nothing else is being written, for the flags may be on their way to
// another file.
func (w *Watcher) take(ctx context.Context, git *commits, environment string, found map[place]bool) (again bool) {
	origins := w.origins(environment)
	var due []place
	calm := true
	for p, k := range w.files {
		if p.environment == environment && k.due(origins[p.path]) {
			due = append(due, p)
			calm = calm && k.settled
		}
	}
	if len(due) == 0 {
		return false
	}
	slices.SortFunc(due, byPath)
	defined := w.definers(environment)
	for _, p := range due {
		k := w.files[p]
		if !k.settled {
			again = true
			continue
		}
		k.status.Tried = annotate.At(time.Now())
		if k.err != nil {
			w.refuse(k, k.err)
			continue
		}
		file := control.File{Environment: environment, Path: p.path, Flags: k.flags, Others: func(key string) []string {
			return slices.DeleteFunc(slices.Clone(defined[key]), func(path string) bool { return path == p.path })
		}}
		drops := func(key string) bool { return k.lacks(key) && len(file.Others(key)) == 0 }
		if (!k.stood || !calm) && slices.ContainsFunc(origins[p.path], drops) {
			again = true
			continue
		}
		if found[p] {
			file.Commit = git.of(ctx, k.content)
		}
		synced, err := w.control.Sync(ctx, file)
		if err != nil {
			w.refuse(k, w.explain(k, err))
			continue
		}
		if !k.status.OK || synced != (control.Synced{}) {
			w.logger.Info("flags of a file taken", "environment", environment, "path", p.path, "commit", file.Commit,
				"created", synced.Created, "changed", synced.Changed, "deleted", synced.Deleted)
		}
		k.taken = k.sum
		k.status.OK, k.status.Problems, k.status.Flags = true, nil, len(k.flags)
		k.status.Commit, k.status.Taken = file.Commit, k.status.Tried
		if !found[p] {
			delete(w.files, p)
		}
	}
	return again
}

// definers returns which files of an environment define each key now. Of a file
// that is wrong, or that cannot be found, or is being written, it is what it
// defined before.
func (w *Watcher) definers(environment string) map[string][]string {
	defined := map[string][]string{}
	wrong := map[string]bool{}
	for p, k := range w.files {
		if p.environment != environment {
			continue
		}
		wrong[p.path] = k.err != nil
		for key := range k.flags {
			defined[key] = append(defined[key], p.path)
		}
	}
	set, ok := w.control.Set(environment)
	if !ok {
		return defined
	}
	for _, f := range set.Flags() {
		if f.Origin == nil {
			continue
		}
		is, read := wrong[f.Origin.Path]
		if _, ok := w.sourceOf(place{environment, f.Origin.Path}); is || !read && ok {
			defined[f.Key] = append(defined[f.Key], f.Origin.Path)
		}
	}
	return defined
}

// explain gives the errors of a Sync the file's lines.
func (w *Watcher) explain(k *known, err error) error {
	if annotate.CodeOf(err) == annotate.Unavailable || errors.Is(err, context.Canceled) {
		return err
	}
	format, _ := flag.FormatOf(k.path)
	return locate(k.path, k.data, format, err)
}

// refuse notes why a file is not taken, and tells it once.
func (w *Watcher) refuse(k *known, err error) {
	problems := strings.Split(err.Error(), "\n")
	if len(problems) > maxProblems {
		problems = append(problems[:maxProblems], fmt.Sprintf("and %d more", len(problems)-maxProblems))
	}
	if k.status.OK || !slices.Equal(k.status.Problems, problems) {
		w.logger.Error("a file of flags is refused, and its flags stay as they were", "environment", k.status.Environment, "path", k.status.Path, "err", err)
	}
	k.status.OK, k.status.Problems = false, problems
}

// maxProblems bounds what is told of one file.
const maxProblems = 50

// release leaves the flags of files that no source has any more to the API. It
// waits until all other files are taken, for one of them may have these flags now.
func (w *Watcher) release(ctx context.Context, environment string, broken map[place]error) {
	for p := range broken {
		if p.environment == environment {
			return
		}
	}
	for p, k := range w.files {
		if p.environment == environment && !k.status.OK {
			return
		}
	}
	for path := range w.origins(environment) {
		if _, ok := w.sourceOf(place{environment, path}); ok {
			continue
		}
		if _, err := w.control.Release(ctx, environment, path); err != nil {
			w.logger.Error("the flags of a file that is read no more could not be left to the API", "environment", environment, "path", path, "err", err)
			continue
		}
		w.logger.Info("the flags of a file that is read no more can be changed through the API", "environment", environment, "path", path)
	}
}

// report tells how it stands, to Status and in the metrics.
func (w *Watcher) report(broken map[place]error) {
	all := map[place]Status{}
	for p, k := range w.files {
		if !k.status.Tried.IsZero() { // else it was not read yet
			all[p] = k.status
		}
	}
	for p, err := range broken {
		status := Status{Environment: p.environment, Path: p.path, Problems: []string{err.Error()}, Tried: annotate.At(time.Now())}
		if before := w.statusOf(p); !slices.Equal(before.Problems, status.Problems) {
			w.logger.Error("files of flags cannot be found, and their flags stay as they were", "environment", p.environment, "path", p.path, "err", err)
		}
		all[p] = status
	}
	for p := range w.gauges {
		if _, ok := all[p]; !ok {
			w.metrics.UnregisterMetric(metricName(p))
			delete(w.gauges, p)
		}
	}
	list := make([]Status, 0, len(all))
	for p, status := range all {
		ok := 0.0
		if status.OK {
			ok = 1
		}
		w.metrics.GetOrCreateGauge(metricName(p), nil).Set(ok)
		w.gauges[p] = true
		list = append(list, status)
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Path, b.Path))
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = list
}

// statusOf returns what was reported last of a file or a source.
func (w *Watcher) statusOf(p place) Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.status {
		if s.Environment == p.environment && s.Path == p.path {
			return s
		}
	}
	return Status{}
}

func byPath(a, b place) int { return cmp.Compare(a.path, b.path) }
