package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Hold is somebody's word that nothing is to be deployed for a while. Its id is
// that of its change in the log.
type Hold struct {
	ID string `json:"id" format:"uuid" doc:"The id of the hold, and of its change in the log"`
	// Service and Environment are what it holds; empty for all.
	Service     string        `json:"service,omitempty" doc:"The service that it holds; every one where it is not there"`
	Environment string        `json:"environment,omitempty" doc:"The environment that it holds; every one where it is not there"`
	Owner       annotate.Who  `json:"owner" doc:"Who holds it: the one to ask"`
	Reason      string        `json:"reason" doc:"Why"`
	Since       annotate.Time `json:"since" doc:"Since when"`
	Until       annotate.Time `json:"until" doc:"When it ends by itself"`
}

// MaxHold is how long a hold may last.
const MaxHold = 30 * 24 * time.Hour

// Covers reports whether h holds the target.
func (h Hold) Covers(id ID) bool {
	return (h.Service == "" || h.Service == id.Service) && (h.Environment == "" || h.Environment == id.Environment)
}

// What says what h holds.
func (h Hold) What() string {
	switch {
	case h.Service == "" && h.Environment == "":
		return "all deploys"
	case h.Service == "":
		return "deploys to " + h.Environment
	case h.Environment == "":
		return "deploys of " + h.Service
	}
	return "deploys of " + h.Service + " to " + h.Environment
}

// Obstacle is what a hold is to a deploy.
func (h Hold) obstacle() Obstacle {
	return Obstacle{Kind: ObstacleHold, ID: h.ID, Who: h.Owner.Name, Reason: h.Reason, Until: h.Until}
}

// The kinds of an Obstacle.
const (
	ObstacleHold   = "hold"
	ObstacleFreeze = "freeze"
)

// Obstacle is what keeps a deploy from beginning.
type Obstacle struct {
	Kind string `json:"kind" enum:"hold,freeze" doc:"hold or freeze"`
	// ID is the hold's id, or the freeze's name: by it a deploy passes.
	ID     string        `json:"id" doc:"The hold's id, or the freeze's name: who names it may pass"`
	Who    string        `json:"who,omitempty" doc:"Who holds it; absent for a freeze, which the configuration has"`
	Reason string        `json:"reason,omitempty" doc:"Why"`
	Until  annotate.Time `json:"until,omitzero" doc:"When it ends by itself; absent where that is more than a month ahead"`
}

// String says who keeps a deploy from beginning, why and for how long.
func (o Obstacle) String() string {
	until := ""
	if !o.Until.IsZero() {
		until = " until " + o.Until.UTC().Format("2006-01-02 15:04 MST")
	}
	why := ""
	if o.Reason != "" {
		why = ": " + o.Reason
	}
	if o.Kind == ObstacleFreeze {
		return fmt.Sprintf("frozen by %q%s%s", o.ID, until, why)
	}
	return fmt.Sprintf("held by %s%s%s", o.Who, until, why)
}

// Obstacles returns what keeps a deploy of the target from beginning at now. To go
// back is allowed while deploys are frozen: a freeze is there to keep trouble out.
func Obstacles(id ID, now time.Time, back bool, holds []Hold, freezes []Freeze) []Obstacle {
	list := []Obstacle{}
	for _, h := range holds {
		if h.Covers(id) && h.Until.After(now) {
			list = append(list, h.obstacle())
		}
	}
	for _, f := range freezes {
		if !back && f.Covers(id) && f.Holds(now) {
			list = append(list, f.obstacle(now))
		}
	}
	return list
}

// Pass tells those of obstacles that the ids name, and so are passed, from the others.
func Pass(obstacles []Obstacle, ids []string) (passed, held []Obstacle) {
	for _, o := range obstacles {
		if slices.Contains(ids, o.ID) {
			passed = append(passed, o)
		} else {
			held = append(held, o)
		}
	}
	return passed, held
}

// Describe says what keeps a deploy from beginning, and by which ids it could pass.
func Describe(held []Obstacle) string {
	parts := make([]string, len(held))
	for i, o := range held {
		parts[i] = fmt.Sprintf("%s (%s)", o, o.ID)
	}
	return strings.Join(parts, "; ")
}
