package deploy

import (
	"maps"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Run is one deploy of a target. Its id is that of its change in the log.
type Run struct {
	ID string `json:"id" format:"uuid" doc:"The id of the run, and of its change in the log"`
	// ExternalID is the caller's own identity for it: asked for twice, it runs once.
	ExternalID string `json:"external_id,omitempty" doc:"The caller's own id for it: asked for twice, it is deployed once"`
	Service    string `json:"service" doc:"What is deployed"`
	// Environment is where; with Service it names the target.
	Environment     string            `json:"environment" doc:"Where"`
	Version         string            `json:"version" doc:"The version that it brings"`
	PreviousVersion string            `json:"previous_version,omitempty" doc:"The version that was there when it was asked for"`
	Parameters      map[string]string `json:"parameters,omitempty" doc:"What else was chosen, with the target's defaults"`

	Reason string        `json:"reason,omitempty" doc:"Why"`
	Who    *annotate.Who `json:"who,omitempty" doc:"Who asked for it"`
	Undoes string        `json:"undoes,omitempty" doc:"The id of the deploy that it takes back"`
	// Wait says that it waits for what holds it, where others are cancelled when it is
	// their turn.
	Wait bool `json:"wait,omitempty" doc:"Whether it waits for holds and freezes, where others are cancelled"`

	// Status is planned while the run waits in the queue.
	Status annotate.Status `json:"status" doc:"planned while it waits in the queue, running, and then how it ended"`
	// Outcome says how it ended, as what follows a colon.
	Outcome string `json:"outcome,omitempty" doc:"How it ended, in words"`

	Queued  annotate.Time `json:"queued" doc:"When it was asked for"`
	Started annotate.Time `json:"started,omitzero" doc:"When it began"`
	Ended   annotate.Time `json:"ended,omitzero" doc:"When it ended"`
	// Deadline is when a run that is under way must have ended.
	Deadline annotate.Time `json:"deadline,omitzero" doc:"When it is cancelled if it goes on"`

	Driver string `json:"driver,omitempty" doc:"What carries it out: command, http, github, gitlab, jenkins or argocd"`
	// Ref is where it runs; its zero value while that is not known.
	Ref Ref `json:"ref,omitzero" doc:"Where it runs"`

	// Override are the ids of the holds, and the names of the freezes, that it may
	// pass.
	Override []string `json:"override,omitempty" doc:"The ids of holds, and the names of freezes, that it may pass"`

	// DiffURL leads to what it alters; empty where that is not known.
	DiffURL string `json:"diff_url,omitempty" doc:"The page that shows what it alters"`

	// Overrides are those that it passed when it began, and Cancel is who asked to end
	// it.
	Overrides []Obstacle `json:"overrides,omitempty" doc:"The holds and freezes that it passed when it began"`
	Cancel    *Cancel    `json:"cancel,omitempty" doc:"Who asked to cancel it"`
}

// Ref is how a driver finds again what it began.
type Ref struct {
	// ID is the driver's own name for it.
	ID string `json:"id,omitempty" doc:"What the driver calls it"`
	// URL leads a person to it; empty for none.
	URL string `json:"url,omitempty" doc:"The page about it"`
}

// Cancel is somebody's wish that a run ends.
type Cancel struct {
	By     string        `json:"by" doc:"Who asked"`
	Reason string        `json:"reason,omitempty" doc:"Why"`
	Time   annotate.Time `json:"time" doc:"When"`
}

// Outcome is how a run ended.
type Outcome struct {
	// Status is Succeeded, Failed, Cancelled or Lost.
	Status annotate.Status
	// Text says how, for the record, as what follows a colon: exited with code 3.
	Text string
}

// Target names what r deploys, and where.
func (r Run) Target() ID { return ID{r.Service, r.Environment} }

// Values are what placeholders stand for.
func (r Run) Values() map[string]string {
	values := maps.Clone(r.Parameters)
	if values == nil {
		values = map[string]string{}
	}
	who := ""
	if r.Who != nil {
		who = r.Who.Name
	}
	maps.Copy(values, map[string]string{
		PlaceholderID: r.ID, PlaceholderService: r.Service, PlaceholderEnvironment: r.Environment,
		PlaceholderVersion: r.Version, PlaceholderPrevious: r.PreviousVersion,
		PlaceholderReason: r.Reason, PlaceholderWho: who,
	})
	return values
}

// Took is how long a run that ended was under way; 0 for another.
func (r Run) Took() time.Duration {
	if r.Started.IsZero() || r.Ended.IsZero() {
		return 0
	}
	return r.Ended.Sub(r.Started.Time)
}

// Clone returns a copy of r that shares nothing with it.
func (r Run) Clone() Run {
	r.Parameters = maps.Clone(r.Parameters)
	r.Override, r.Overrides = slices.Clone(r.Override), slices.Clone(r.Overrides)
	if r.Who != nil {
		who := *r.Who
		r.Who = &who
	}
	if r.Cancel != nil {
		c := *r.Cancel
		r.Cancel = &c
	}
	return r
}

// Typical is how long a run takes by those that succeeded lately, newest first:
// the median of the last five. It is 0 where there is none.
func Typical(runs []Run) time.Duration {
	took := LastFive(runs)
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	middle := len(took) / 2
	if len(took)%2 == 1 {
		return took[middle]
	}
	return (took[middle-1] + took[middle]) / 2
}

// LastFive is how long the last five of runs took that succeeded, newest first.
func LastFive(runs []Run) []time.Duration {
	took := []time.Duration{}
	for _, r := range runs {
		if r.Status == annotate.Succeeded && len(took) < 5 {
			took = append(took, r.Took())
		}
	}
	return took
}
