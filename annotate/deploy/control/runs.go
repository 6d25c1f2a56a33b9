package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

// spaceRuns has the runs, by their ids.
const spaceRuns = "deploy"

// keptRun is a run as its document has it.
type keptRun struct {
	deploy.Run
	// LogID is the external id of its change.
	LogID    string `json:"log_id"`
	revision int64
}

// runs are all runs that are kept, by their ids.
type runs map[string]keptRun

// loadRuns reads the runs from the log.
func (c *Control) loadRuns(ctx context.Context) error {
	documents, err := c.log.Documents(ctx, spaceRuns)
	if err != nil {
		return fmt.Errorf("reading the deploys: %w", err)
	}
	all := make(runs, len(documents))
	for _, d := range documents {
		var run keptRun
		if err := json.Unmarshal(d.Body, &run); err != nil {
			return fmt.Errorf("decoding the deploy %s: %w", d.Key, err)
		}
		run.ID, run.revision = d.Key, d.Revision
		all[run.ID] = run
	}
	c.runs.Store(&all)
	return nil
}

// publish replaces run, and takes those with the ids gone away. Whoever calls it holds
// writing.
func (c *Control) publish(run keptRun, gone ...string) {
	all := maps.Clone(*c.runs.Load())
	all[run.ID] = run
	for _, id := range gone {
		delete(all, id)
	}
	c.runs.Store(&all)
}

// spaceExternal has the ids of runs by the external ids with which they were asked for,
// also of those that are not kept any longer.
const spaceExternal = "deploy_external_id"

// keep records a report of a run together with the run itself, and publishes it.
// Whoever calls it holds writing, and has given the report what alters. gone are the
// ids of runs that are not kept any longer.
//
// The change belongs to everybody: it may be full by now, or have other times. That
// must not keep a run from going on, so that where the log refuses the report it gets
// less of it, and in the end the run is kept without.
func (c *Control) keep(ctx context.Context, by string, run keptRun, report *annotate.Report, gone ...string) (keptRun, error) {
	kept, err := c.keepWith(ctx, by, run, report, gone)
	if run.ID == "" || report == nil || !refused(err) {
		return kept, err
	}
	c.logger.Error("the log refuses what a deploy has to report, and gets less of it", "id", run.ID, "err", err)
	for _, less := range []*annotate.Report{{Status: report.Status}, nil} {
		if kept, err = c.keepWith(ctx, by, run, less, gone); !refused(err) {
			break
		}
	}
	return kept, err
}

// refused reports whether the log will never take what it was given.
func refused(err error) bool {
	switch annotate.CodeOf(err) {
	case annotate.Invalid, annotate.Conflict, annotate.TooMany:
		return true
	}
	return false
}

func (c *Control) keepWith(ctx context.Context, by string, run keptRun, report *annotate.Report, gone []string) (keptRun, error) {
	all := *c.runs.Load()
	err := c.transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		fresh := run.ID == ""
		if report != nil {
			report.Source, report.ExternalID, report.Kind = source, run.LogID, KindDeploy
			told, err := tx.Record(ctx, by, *report)
			if err != nil {
				return err
			}
			run.ID = told.Change.ID
		}
		if fresh && run.ExternalID != "" {
			if err := claim(ctx, tx, by, run); err != nil {
				return err
			}
		}
		body, err := json.Marshal(run)
		if err != nil {
			return fmt.Errorf("encoding a deploy: %w", err)
		}
		d, err := tx.PutDocument(ctx, annotate.Document{Space: spaceRuns, Key: run.ID, Revision: run.revision, By: by, Change: run.ID, Body: body})
		if err != nil {
			return err
		}
		run.revision = d.Revision
		for _, id := range gone {
			old := all[id]
			if _, err := tx.PutDocument(ctx, annotate.Document{Space: spaceRuns, Key: id, Revision: old.revision, By: by, Change: id}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return keptRun{}, err
	}
	c.publish(run, gone...)
	return run, nil
}

// claim takes an external id for a run. Its error is a Conflict where it was taken
// before, by a run that is not kept any longer.
func claim(ctx context.Context, tx annotate.Tx, by string, run keptRun) error {
	d, err := tx.Document(ctx, spaceExternal, run.ExternalID)
	switch {
	case err == nil:
		return errTaken(run.ExternalID, "that of the change "+d.Change+", which was deployed on "+d.Time.UTC().Format("2006-01-02 15:04 MST"))
	case annotate.CodeOf(err) != annotate.NotFound:
		return err
	}
	_, err = tx.PutDocument(ctx, annotate.Document{Space: spaceExternal, Key: run.ExternalID, By: by, Change: run.ID, Body: []byte("{}")})
	return err
}

// find returns a run that is kept, or a NotFound error.
func (c *Control) find(id string) (keptRun, error) {
	if run, ok := (*c.runs.Load())[strings.ToLower(id)]; ok {
		return run, nil
	}
	return keptRun{}, &annotate.Error{
		Code: annotate.NotFound, Field: "id", Value: id,
		Message: "there is no deploy with this id that Tidemark carried out and still keeps; what the log has of it is at /api/v1/changes/{id}",
	}
}

// queue returns the runs of a target that wait, next first: what takes something back
// goes before all others.
func (all runs) queue(id deploy.ID) []keptRun {
	waits := all.of(id, func(r keptRun) bool { return r.Status == annotate.Planned && r.Undoes == "" }, byID)
	return append(all.of(id, func(r keptRun) bool { return r.Status == annotate.Planned && r.Undoes != "" }, byID), waits...)
}

// byID is the order in which runs were asked for: a UUIDv7 begins with its time.
func byID(a, b keptRun) int { return strings.Compare(a.ID, b.ID) }

// running returns the run of a target that is under way.
func (all runs) running(id deploy.ID) (keptRun, bool) {
	for _, r := range all {
		if r.Status == annotate.Running && r.Target() == id {
			return r, true
		}
	}
	return keptRun{}, false
}

// over returns the runs of a target that have ended, newest first.
func (all runs) over(id deploy.ID) []keptRun {
	return all.of(id, func(r keptRun) bool { return r.Status.Ended() }, func(a, b keptRun) int {
		return cmp.Or(b.Ended.Compare(a.Ended.Time), cmp.Compare(b.ID, a.ID))
	})
}

func (all runs) of(id deploy.ID, which func(keptRun) bool, order func(a, b keptRun) int) []keptRun {
	var list []keptRun
	for _, r := range all {
		if r.Target() == id && which(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, order)
	return list
}

// plain are the runs themselves.
func plain(list []keptRun) []deploy.Run {
	out := make([]deploy.Run, len(list))
	for i, r := range list {
		out[i] = r.Run
	}
	return out
}

// folderOf is what a run has on the disk.
func (c *Control) folderOf(id string) string { return filepath.Join(c.folder, id) }

// logOf is the log of a run.
func (c *Control) logOf(id string) runlog.File {
	return runlog.File{Path: filepath.Join(c.folderOf(id), "log"), Max: c.settings.Load().LogBytes}
}

// discard removes what a run has on the disk.
func (c *Control) discard(id string) {
	if err := os.RemoveAll(c.folderOf(id)); err != nil {
		c.logger.Warn("the folder of a deploy that is not kept could not be removed", "err", err)
	}
}

// sweep removes the folders of runs that are not kept, which a stop may have left.
func (c *Control) sweep() error {
	entries, err := os.ReadDir(c.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the folder of deploys: %w", err)
	}
	for _, e := range entries {
		if _, kept := (*c.runs.Load())[e.Name()]; !kept {
			c.discard(e.Name())
		}
	}
	return nil
}
