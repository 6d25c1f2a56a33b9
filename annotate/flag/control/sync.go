package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// File is a file that defines flags, as it was read.
type File struct {
	Environment string
	Path        string
	// Commit is that of the Git checkout that holds the file; empty for none.
	Commit string
	// Flags are its definitions by their keys.
	Flags map[string]flag.Definition
	// Others returns the paths of the other files that define a flag now. Nil says
	// that there are none.
	Others func(key string) []string
}

// Synced is what became of a file.
type Synced struct {
	Created, Changed, Deleted int
}

// syncBatch is how many flags of a file share a transaction, so that others get
// their turn between.
const syncBatch = 200

// fileAuthor is who changes the flags of files.
func fileAuthor() Author {
	return Author{By: "flag files", Who: &annotate.Who{Name: "flag files", Type: "machine"}}
}

// Sync makes the flags of a file what it says: it creates, changes and deletes
// them, with a line in the log for each that really changed. A file of which one
// flag cannot be taken is refused whole, with an error that joins what is wrong
// with each. Where the log fails in between, what was taken until then stays, and
// the next Sync takes the rest.
func (c *Control) Sync(ctx context.Context, file File) (s Synced, err error) {
	defer func() { c.metrics.count("sync", Written{Changed: s != Synced{}}, err) }()
	if err := c.lock(ctx); err != nil {
		return Synced{}, err
	}
	steps, err := c.compare(ctx, file)
	c.unlock()
	if err != nil {
		return Synced{}, err
	}
	for batch := range slices.Chunk(steps, syncBatch) {
		if err := c.syncBatch(ctx, file, batch, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// compare returns the keys of the flags that a file changes, or why it cannot be taken.
func (c *Control) compare(ctx context.Context, file File) (keys []string, err error) {
	e, err := c.find(file.Environment)
	if err != nil {
		return nil, err
	}
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	set := e.set.Load()
	var errs []error
	more := 0
	for _, key := range file.keys(set) {
		s, st, err := c.syncStep(e, file, key)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case !st.Changed:
			continue
		}
		if err := c.keepable(s, st); err != nil {
			errs = append(errs, within(key, err))
			continue
		}
		switch {
		case st.deleted:
			more--
		case !s.there:
			more++
		}
		keys = append(keys, key)
	}
	if limit := c.settings.maxFlags(); more > 0 && set.Len()+more > limit {
		errs = append(errs, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf(
			"%s would have %d flags, and flags.max_flags allows %d", file.Environment, set.Len()+more, limit)})
	}
	return keys, errors.Join(errs...)
}

// keepable returns why the log would refuse a step, so that a file can be refused
// before any of its flags is taken.
func (c *Control) keepable(s subject, st step) error {
	lines := []annotate.Report{s.report(st)}
	if s.there {
		lines = append(lines, c.plan.lines(s.was, s.now)...)
	}
	for _, planned := range st.Cancelled {
		lines = append(lines, cancelled(s.id, planned, s.by, s.now))
	}
	for _, line := range lines {
		if err := line.New(s.now).Validate(s.now); err != nil {
			return err
		}
	}
	if st.deleted {
		return nil
	}
	_, err := encode(st.Flag, s.now)
	return err
}

func (f File) others(key string) []string {
	if f.Others == nil {
		return nil
	}
	return f.Others(key)
}

// keys returns the keys of the flags that the file defines, or defined, sorted;
// those that it does not define any more come last. Of these, what another file
// defines now is left for that one to take over: it is never away in between.
func (f File) keys(set *flag.Set) []string {
	keys := slices.Sorted(maps.Keys(f.Flags))
	for _, was := range set.Flags() {
		if _, there := f.Flags[was.Key]; !there && was.Origin != nil && was.Origin.Path == f.Path && len(f.others(was.Key)) == 0 {
			keys = append(keys, was.Key)
		}
	}
	return keys
}

// syncStep returns what a file makes of one flag.
func (c *Control) syncStep(e *environment, file File, key string) (subject, step, error) {
	s := subject{id: ID{file.Environment, key}, now: c.clock(), by: fileAuthor(), newID: c.newID}
	s.was, s.there = e.set.Load().Get(key)
	d, defined := file.Flags[key]
	if !defined {
		st, err := Delete().apply(s)
		st.text = fmt.Sprintf("The file %s does not define it any more.", file.Path)
		st.line.Commit = file.Commit
		return s, st, err
	}
	if !s.there {
		s.was = flag.Flag{Key: key, Environment: file.Environment}
		st, err := s.define(key, d)
		return s, file.stamp(st), err
	}
	if err := file.owns(s.was); err != nil {
		return s, step{}, err
	}
	free := s
	free.was.Origin = nil
	st, err := free.define(key, d)
	if err != nil {
		return s, step{}, err
	}
	if !st.Changed && s.was.Origin.Path != file.Path {
		st.Changed, st.title = true, key+" moved to another file"
	}
	return s, file.stamp(st), nil
}

// stamp says in a step that it comes from the file.
func (f File) stamp(st step) step {
	st.Flag.Origin = &flag.Origin{Path: f.Path, Commit: f.Commit}
	st.text = fmt.Sprintf("Read from the file %s.", f.Path)
	return st
}

// owns returns a Conflict error where a flag belongs to somebody else.
func (f File) owns(was flag.Flag) error {
	message := ""
	switch {
	case was.Origin == nil:
		message = "is defined through the API already; delete it there, or take it out of the file"
	case was.Origin.Path == f.Path, !slices.Contains(f.others(was.Key), was.Origin.Path):
		return nil
	default:
		message = "is defined by the file " + was.Origin.Path + " already; take it out of one of them"
	}
	return &annotate.Error{Code: annotate.Conflict, Field: was.Key, Message: message}
}

// within puts a flag's key before the field of an error.
func within(key string, err error) error {
	var e *annotate.Error
	if !errors.As(err, &e) {
		return err
	}
	placed := *e
	placed.Field = key
	if e.Field != "" {
		placed.Field += "." + e.Field
	}
	return &placed
}

// syncBatch takes some flags of a file over, together or not at all. Each is
// looked at again: somebody may have come between.
func (c *Control) syncBatch(ctx context.Context, file File, keys []string, counts *Synced) error {
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	e, err := c.find(file.Environment)
	if err != nil {
		return err
	}
	if err := c.settle(ctx); err != nil {
		return err
	}
	var moves []move
	for _, key := range keys {
		s, st, err := c.syncStep(e, file, key)
		if err != nil {
			return err
		}
		if st.Changed {
			moves = append(moves, move{s, st})
		}
	}
	return c.commitAll(ctx, e, moves, counts)
}

// move is a step with the flag that it is of.
type move struct {
	subject
	step
}

// commitAll keeps and publishes moves, in one transaction.
func (c *Control) commitAll(ctx context.Context, e *environment, moves []move, counts *Synced) error {
	if len(moves) == 0 {
		return nil
	}
	drafts := make([]draft, len(moves))
	err := c.transact(ctx, func(ctx context.Context, tx annotate.Tx) (err error) {
		for i, m := range moves {
			if drafts[i], err = c.keep(ctx, tx, m.subject, m.step); err != nil {
				return within(m.id.Key, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range moves {
		switch {
		case m.deleted:
			counts.Deleted++
		case !m.there:
			counts.Created++
		default:
			counts.Changed++
		}
	}
	c.publishAll(e, drafts)
	return nil
}

// publishAll is publish for many, of which those that stay are published in one
// step: each step copies the environment.
func (c *Control) publishAll(e *environment, drafts []draft) {
	var stay []flag.Flag
	for _, d := range drafts {
		if d.deleted {
			c.publish(e, d)
			continue
		}
		stay = append(stay, d.flag)
		c.plan.follow(d)
	}
	if len(stay) > 0 {
		e.putAll(stay)
		c.nudge()
	}
}

// Files returns the paths of the files that define flags of an environment, sorted.
func (c *Control) Files(environment string) []string {
	set, ok := c.Set(environment)
	if !ok {
		return nil
	}
	paths := map[string]bool{}
	for _, f := range set.Flags() {
		if f.Origin != nil {
			paths[f.Origin.Path] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// Release leaves the flags of a file, which is read no more, as they are, for
// the API to change.
func (c *Control) Release(ctx context.Context, environment, path string) (s Synced, err error) {
	defer func() { c.metrics.count("release", Written{Changed: s != Synced{}}, err) }()
	e, err := c.find(environment)
	if err != nil {
		return Synced{}, err
	}
	var keys []string
	for _, f := range e.set.Load().Flags() {
		if f.Origin != nil && f.Origin.Path == path {
			keys = append(keys, f.Key)
		}
	}
	for batch := range slices.Chunk(keys, syncBatch) {
		if err := c.releaseBatch(ctx, e, path, batch, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (c *Control) releaseBatch(ctx context.Context, e *environment, path string, keys []string, counts *Synced) error {
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	if err := c.settle(ctx); err != nil {
		return err
	}
	var moves []move
	for _, key := range keys {
		s := subject{id: ID{e.name, key}, now: c.clock(), by: fileAuthor(), newID: c.newID}
		if s.was, s.there = e.set.Load().Get(key); !s.there || s.was.Origin == nil || s.was.Origin.Path != path {
			continue
		}
		shares := s.was.Shares(s.now)
		st := step{Move: flag.Move{Flag: s.was, Changed: true, Before: shares, After: shares}}
		st.Flag.Origin = nil
		st.title = key + " is changed through the API from now on"
		st.text = fmt.Sprintf("The file %s, which defined it, is none of flags.files any more.", path)
		moves = append(moves, move{s, st})
	}
	return c.commitAll(ctx, e, moves, counts)
}
