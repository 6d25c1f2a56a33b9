package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// View is a run as it stands, with what can be said about it at the moment.
type View struct {
	deploy.Run
	// Position is which in the queue it is: 1 is next. It is 0 for a run that does not
	// wait. Behind is the id of the run that is under way before it; empty for none.
	Position int    `json:"position,omitempty" doc:"Which in the queue it is; 1 is next, absent if it does not wait"`
	Behind   string `json:"behind,omitempty" doc:"The id of the deploy that is under way before it"`
	// Obstacles are what keeps it from beginning, beside the queue.
	Obstacles []deploy.Obstacle `json:"obstacles,omitempty" doc:"The holds and freezes that it waits for"`
	// LastFive is how many seconds the last five of the target took that succeeded,
	// newest first, and Expected when by their median this one should be done; the
	// zero time where it does not run, or there are none.
	LastFive []float64     `json:"last_five" doc:"How many seconds the last five that succeeded took, newest first"`
	Expected annotate.Time `json:"expected,omitzero" doc:"When it should be done, by the median of the last five"`
	// Trouble is what keeps Tidemark from seeing how it goes; empty for nothing.
	Trouble string `json:"trouble,omitempty" doc:"What keeps Tidemark from seeing how it goes; it goes on trying"`
	// LogBytes is how long its log is at the moment.
	LogBytes int64 `json:"log_bytes" doc:"How long its log is so far, in bytes"`
}

// TargetView is a target as it stands.
type TargetView struct {
	deploy.ID
	Driver string `json:"driver" doc:"What carries its deploys out"`
	// VersionPattern and Parameters are what may be asked for.
	VersionPattern string                   `json:"version_pattern" doc:"What a version must match, as a whole"`
	Parameters     map[string]ParameterView `json:"parameters,omitempty" doc:"What else may be chosen, by name"`
	Timeout        float64                  `json:"timeout_seconds" doc:"How long a deploy may take"`
	Running        *View                    `json:"running,omitempty" doc:"The deploy that is under way"`
	Queue          []View                   `json:"queue" doc:"The deploys that wait, next first"`
	Obstacles      []deploy.Obstacle        `json:"obstacles" doc:"The holds and freezes in its way"`
	// Last is the newest run that ended.
	Last     *View     `json:"last,omitempty" doc:"The deploy that ended last"`
	LastFive []float64 `json:"last_five" doc:"How many seconds the last five that succeeded took, newest first"`
}

// ParameterView is a parameter as its callers see it.
type ParameterView struct {
	Pattern     string  `json:"pattern" doc:"What a value must match, as a whole"`
	Default     *string `json:"default,omitempty" doc:"The value where none is given; absent where one must be"`
	Description string  `json:"description,omitempty" doc:"What it is for"`
}

// Get returns a run, or a NotFound error.
func (c *Control) Get(id string) (View, error) {
	run, err := c.find(id)
	if err != nil {
		return View{}, err
	}
	return c.view(run), nil
}

// Selection says which runs are asked for; empty parts select all.
type Selection struct {
	Service, Environment string
	Status               annotate.Status
}

// Runs returns the runs that are kept, newest first, up to limit.
func (c *Control) Runs(s Selection, limit int) []View {
	var list []keptRun
	for _, r := range *c.runs.Load() {
		if (s.Service == "" || r.Service == s.Service) && (s.Environment == "" || r.Environment == s.Environment) && (s.Status == "" || r.Status == s.Status) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b keptRun) int { return strings.Compare(b.ID, a.ID) })
	return c.views(list[:min(limit, len(list))])
}

// Targets returns all targets, sorted by environment and service.
func (c *Control) Targets() []TargetView {
	list := []TargetView{}
	for id, t := range c.settings.Load().targets {
		all := *c.runs.Load()
		v := TargetView{
			ID: id, Driver: t.Driver.Name(), VersionPattern: deploy.Shown(t.Version), Timeout: t.Timeout.Seconds(),
			Queue: c.views(all.queue(id)), Obstacles: c.Obstacles(id),
		}
		for name, p := range t.Parameters {
			if v.Parameters == nil {
				v.Parameters = map[string]ParameterView{}
			}
			v.Parameters[name] = ParameterView{Pattern: deploy.Shown(p.Pattern), Default: p.Default, Description: p.Description}
		}
		if run, ok := all.running(id); ok {
			running := c.view(run)
			v.Running = &running
		}
		over := all.over(id)
		if len(over) > 0 {
			last := c.view(over[0])
			v.Last = &last
		}
		v.LastFive = seconds(deploy.LastFive(plain(over)))
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b TargetView) int { return strings.Compare(a.Key(), b.Key()) })
	return list
}

func (c *Control) views(list []keptRun) []View {
	views := make([]View, len(list))
	for i, r := range list {
		views[i] = c.view(r)
	}
	return views
}

// view says how it stands with a run.
func (c *Control) view(run keptRun) View {
	all, id := *c.runs.Load(), run.Target()
	over := plain(all.over(id))
	v := View{Run: run.Clone(), LastFive: seconds(deploy.LastFive(over)), LogBytes: c.logOf(run.ID).Size()}
	switch run.Status {
	case annotate.Planned:
		v.Position = 1 + slices.IndexFunc(all.queue(id), func(other keptRun) bool { return other.ID == run.ID })
		if running, ok := all.running(id); ok {
			v.Behind = running.ID
		}
		_, v.Obstacles = c.heldBy(run)
	case annotate.Running:
		if typical := deploy.Typical(over); typical > 0 {
			v.Expected = annotate.At(run.Started.Add(typical))
		}
		c.carrying.Lock()
		if r := c.carried[run.ID]; r != nil {
			v.Trouble = *r.trouble.Load()
		}
		c.carrying.Unlock()
	}
	return v
}

func seconds(list []time.Duration) []float64 {
	out := make([]float64, len(list))
	for i, d := range list {
		out[i] = d.Round(time.Millisecond).Seconds()
	}
	return out
}

// logPiece is how much of a log is read at once, in bytes.
const logPiece = 64 << 10

// ReadLog returns a piece of a run's log from the offset on, in bytes. It is empty at
// the log's end. Its error is NotFound where the run is not kept.
func (c *Control) ReadLog(id string, offset int64) ([]byte, error) {
	run, err := c.find(id)
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, invalid("offset", offset, "must be 0 or more: how many bytes of the log to leave out")
	}
	return c.logOf(run.ID).Read(offset, logPiece)
}

// lookForLog is how often a log that is followed is looked at.
const lookForLog = 200 * time.Millisecond

// FollowLog calls tell with each piece of a run's log from the offset on, as it comes,
// with the offset behind it, and without text whenever the run stands otherwise. The
// last call is without text and has the run as it ended, after all of its log. It
// returns nil then, or else the error of ctx or tell, or NotFound where the run is not
// kept.
func (c *Control) FollowLog(ctx context.Context, id string, offset int64, tell func(v View, text []byte, offset int64) error) error {
	var last View
	for {
		v, err := c.Get(id) // before the log: what a run wrote that has ended is all there
		if err != nil {
			return err
		}
		if !v.Status.Ended() && !v.stands(last) {
			if err := tell(v, nil, offset); err != nil {
				return err
			}
			last = v
		}
		for {
			text, err := c.ReadLog(id, offset)
			if err != nil {
				return err
			}
			if len(text) == 0 {
				break
			}
			offset += int64(len(text))
			if err := tell(v, text, offset); err != nil {
				return err
			}
		}
		if v.Status.Ended() {
			return tell(v, nil, offset)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookForLog):
		}
	}
}

// stands reports whether a run stands as it did before, for those who watch.
func (v View) stands(before View) bool {
	return v.Status == before.Status && v.Position == before.Position && v.Behind == before.Behind && v.Trouble == before.Trouble &&
		v.Ref == before.Ref && (v.Cancel == nil) == (before.Cancel == nil) && deploy.Describe(v.Obstacles) == deploy.Describe(before.Obstacles)
}
