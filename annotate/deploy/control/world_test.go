package control

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
)

var web = deploy.ID{Service: "web", Environment: "production"}

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time        { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) move(by time.Duration) { c.ahead.Add(int64(by)) }

// world is a log and the controls over it, which can be opened again.
type world struct {
	t     *testing.T
	clock *clock
	path  string
	log   *changelog.Log
	// tool carries out the deploys of web in production, and settings has them.
	tool     *tool
	settings Settings
	*Control
}

func newWorld(t *testing.T) *world {
	version, err := deploy.Pattern(deploy.DefaultPattern)
	require.NoError(t, err)
	w := &world{t: t, clock: &clock{}, path: filepath.Join(t.TempDir(), "changes.db"), tool: newTool()}
	w.settings = Settings{Targets: []Target{{
		Target: deploy.Target{
			ID: web, Version: version, Timeout: time.Hour, Diff: "https://code.example/compare/{previous_version}...{version}",
			Parameters: map[string]deploy.Parameter{"region": {Pattern: version, Default: new("eu")}},
		},
		Driver: w.tool,
	}}}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) open() {
	var err error
	w.log, err = changelog.Open(w.t.Context(), w.path, changelog.Options{Now: w.clock.now})
	require.NoError(w.t, err)
	w.Control, err = Open(w.t.Context(), Options{Log: w.log, Now: w.clock.now, Folder: filepath.Join(filepath.Dir(w.path), "deploys"), Settings: w.settings})
	require.NoError(w.t, err)
}

func (w *world) close() {
	require.NoError(w.t, w.Close())
	require.NoError(w.t, w.log.Close())
}

func (w *world) change(id string) annotate.Change {
	w.t.Helper()
	c, err := w.log.Get(w.t.Context(), id)
	require.NoError(w.t, err)
	return c
}

// begin asks for a deploy and waits until it runs.
func (w *world) begin(version string) View {
	w.t.Helper()
	v, created, err := w.Start(w.t.Context(), Request{Author: Author{By: "ci", Who: &annotate.Who{Name: "ann"}, Reason: "why"}, Service: "web", Version: version})
	require.NoError(w.t, err)
	require.True(w.t, created)
	return w.reaches(v.ID, annotate.Running)
}

// queue asks for a deploy that cannot begin yet.
func (w *world) queue(version string) View {
	w.t.Helper()
	v, _, err := w.Start(w.t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Environment: "production", Version: version})
	require.NoError(w.t, err)
	require.Equal(w.t, annotate.Planned, v.Status)
	return v
}

// succeed has a deploy begin, and end well.
func (w *world) succeed(version string) View {
	w.t.Helper()
	v := w.begin(version)
	w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded, Text: "done"})
	return w.reaches(v.ID, annotate.Succeeded)
}

// patience is how long what is waited for may take: far more than the pause after an
// error of the log.
const patience = time.Minute

// reaches waits until a run has a status.
func (w *world) reaches(id string, status annotate.Status) View {
	w.t.Helper()
	var v View
	require.Eventually(w.t, func() bool {
		var err error
		v, err = w.Get(id)
		require.NoError(w.t, err)
		return v.Status == status
	}, patience, time.Millisecond, "%s", status)
	require.Equal(w.t, status, w.change(id).Status, "the change tells the same")
	return v
}

// tool is a tool that deploys are carried out with, somewhere else: it goes on while
// Tidemark is away.
type tool struct {
	mu     sync.Mutex
	jobs   map[string]int // how often each was begun
	ended  map[string]deploy.Outcome
	wishes map[string]int
	change chan struct{} // closed when something alters

	beginning func(driver.Job) error // what Begin returns, and nil for nothing
	finding   error
	deaf      atomic.Bool // whether it answers no question
}

func newTool() *tool {
	return &tool{jobs: map[string]int{}, ended: map[string]deploy.Outcome{}, wishes: map[string]int{}, change: make(chan struct{})}
}

func (d *tool) Name() string { return "tool" }

func (d *tool) alter(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
	close(d.change)
	d.change = make(chan struct{})
}

func (d *tool) end(id string, o deploy.Outcome) { d.alter(func() { d.ended[id] = o }) }

func (d *tool) begun(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[id]
}

func (d *tool) Begin(_ context.Context, job driver.Job) (deploy.Ref, error) {
	if d.beginning != nil {
		if err := d.beginning(job); err != nil {
			return deploy.Ref{}, err
		}
	}
	d.alter(func() { d.jobs[job.ID]++ })
	return deploy.Ref{ID: "7", URL: "https://tool.example/7"}, nil
}

func (d *tool) Find(_ context.Context, job driver.Job) (deploy.Ref, bool, error) {
	return deploy.Ref{ID: "7"}, d.begun(job.ID) > 0, d.finding
}

func (d *tool) Follow(ctx context.Context, job driver.Job) (deploy.Outcome, error) {
	log, err := job.Log.Append()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer log.Close()
	log.Printf("version %s", job.Version)
	for {
		d.mu.Lock()
		outcome, over := d.ended[job.ID]
		change := d.change
		d.mu.Unlock()
		switch {
		case d.deaf.Load():
			return deploy.Outcome{}, errors.New("the tool is deaf")
		case over:
			return outcome, nil
		}
		select {
		case <-ctx.Done():
			return deploy.Outcome{}, ctx.Err()
		case <-change:
		}
	}
}

func (d *tool) Cancel(_ context.Context, job driver.Job) error {
	if d.deaf.Load() {
		return errors.New("the tool is deaf")
	}
	d.alter(func() {
		d.wishes[job.ID]++
		if _, over := d.ended[job.ID]; !over {
			d.ended[job.ID] = deploy.Outcome{Status: annotate.Cancelled, Text: "ended by a signal"}
		}
	})
	return nil
}
