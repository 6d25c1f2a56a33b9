package deploy

import (
	"fmt"
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

// Obstacle is what keeps a deploy from beginning.
type Obstacle struct {
	// Kind is what it is: ObstacleHold.
	Kind string `json:"kind" enum:"hold" doc:"What it is: a hold"`
	// ID is the hold's id: by it a deploy passes.
	ID     string        `json:"id" doc:"The hold's id: who names it may pass"`
	Who    string        `json:"who" doc:"Who holds it: the one to ask"`
	Reason string        `json:"reason" doc:"Why"`
	Until  annotate.Time `json:"until" doc:"When it ends by itself"`
}

// ObstacleHold is the kind of an Obstacle that is a hold.
const ObstacleHold = "hold"

// String says who keeps a deploy from beginning, why and for how long.
func (o Obstacle) String() string {
	return fmt.Sprintf("held by %s until %s: %s", o.Who, o.Until.UTC().Format("2006-01-02 15:04 MST"), o.Reason)
}

// Obstacles returns those of holds that keep a deploy of the target from beginning at now.
func Obstacles(id ID, now time.Time, holds []Hold) []Obstacle {
	list := []Obstacle{}
	for _, h := range holds {
		if h.Covers(id) && h.Until.After(now) {
			list = append(list, Obstacle{Kind: ObstacleHold, ID: h.ID, Who: h.Owner.Name, Reason: h.Reason, Until: h.Until})
		}
	}
	return list
}
