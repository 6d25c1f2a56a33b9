package intake

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// unleashSender takes the webhook integration of Unleash, whose body is an event as its
// log has it (Unleash/unleash, src/lib/addons/webhook.ts, src/lib/events/index.ts,
// src/lib/types/events.ts and src/lib/features/events/event-store.ts).
func unleashSender() sender {
	return sender{
		name:   "unleash",
		proofs: []proof{bearer()},
		read:   readUnleash,
	}
}

// unleashEvent is what is read of an event. What data and preData are depends on its
// type: a strategy, variants, a segment, a release plan.
type unleashEvent struct {
	ID          int64         `json:"id"`
	Type        string        `json:"type"`
	CreatedBy   string        `json:"createdBy"`
	UserID      int64         `json:"createdByUserId"`
	CreatedAt   annotate.Time `json:"createdAt"`
	FeatureName string        `json:"featureName"`
	Project     string        `json:"project"`
	Environment string        `json:"environment"`
	GroupType   string        `json:"groupType"`
	GroupID     any           `json:"groupId"`
	Data        unleashData   `json:"data"`
	PreData     unleashData   `json:"preData"`
}

type unleashData struct {
	Name          string         `json:"name"`
	Title         string         `json:"title"`
	MilestoneName string         `json:"milestoneName"`
	Parameters    map[string]any `json:"parameters"`
	Disabled      bool           `json:"disabled"`
	Variants      []struct {
		Name   string  `json:"name"`
		Weight float64 `json:"weight"`
	} `json:"variants"`
}

// UnmarshalJSON implements json.Unmarshaler: of data in another form nothing is known,
// and the event is told all the same.
func (u *unleashData) UnmarshalJSON(b []byte) error {
	type plain unleashData
	var p plain
	if read(b, &p) == nil {
		*u = unleashData(p)
	}
	return nil
}

// unleashWords are the events that change what a flag gives, in words after its name.
// All others are about its description, or about what is only asked for: what a change
// request does when it is applied, there is an event of each flag of.
var unleashWords = map[string]string{
	"feature-created": "created", "feature-updated": "updated", "feature-archived": "archived",
	"feature-revived": "revived", "feature-deleted": "deleted",
	"feature-environment-enabled": "enabled", "feature-environment-disabled": "disabled",
	"feature-strategy-add": "strategy added", "feature-strategy-update": "strategy changed", "feature-strategy-remove": "strategy removed",
	"feature-variants-updated": "variants changed", "feature-environment-variants-updated": "variants changed",
	"feature-dependency-added": "dependency added", "feature-dependency-removed": "dependency removed",
	"feature-dependencies-removed": "dependencies removed",
	"release-plan-added":           "release plan added", "release-plan-removed": "release plan removed",
	"release-plan-milestone-started":    "milestone started",
	"release-plan-progressions-paused":  "release plan paused by a safeguard",
	"release-plan-progressions-resumed": "release plan resumed",
}

var unleashSegments = map[string]string{"segment-created": "created", "segment-updated": "updated", "segment-deleted": "deleted"}

func readUnleash(_ *Hook, d Delivery) (Told, error) {
	var p unleashEvent
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	told := Told{Event: p.Type}
	words, ofFlag := unleashWords[p.Type]
	segment, ofSegment := unleashSegments[p.Type]
	switch {
	case p.Type == "":
		return told, invalid("type", nil, "is missing; leave the body template of Unleash's webhook empty")
	case !ofFlag && !ofSegment:
		return nothing(told.Event, "it is not about a change, or an event of a flag tells of it"), nil
	case p.ID == 0:
		return told, invalid("id", nil, "is missing; leave the body template of Unleash's webhook empty")
	case p.CreatedAt.IsZero():
		return told, invalid("createdAt", nil, "is missing")
	case ofFlag && p.FeatureName == "":
		return told, invalid("featureName", nil, "is missing")
	}
	r := annotate.Report{
		ExternalID: externalID("event", strconv.FormatInt(p.ID, 10)), At: p.CreatedAt,
		Kind: annotate.KindFlag, Status: annotate.Succeeded, Start: p.CreatedAt, End: p.CreatedAt,
		Environment: p.Environment, Who: p.who(), Labels: labelled(map[string]string{"project": p.Project}),
	}
	if id := variationOf("", p.GroupID); p.GroupType == "change-request" && p.GroupID != nil {
		r.Labels["change_request"] = id
	}
	if ofSegment {
		r.Kind = annotate.KindConfig
		r.Title = strings.Join(strings.Fields("segment "+cmp.Or(p.Data.Name, p.PreData.Name)+" "+segment), " ")
	} else {
		p.flag(&r, words)
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

// who is who did it: Unleash itself, and who has no account, have ids below zero.
func (p unleashEvent) who() *annotate.Who {
	switch {
	case p.CreatedBy == "":
		return nil
	case p.UserID < 0:
		return &annotate.Who{Name: p.CreatedBy, Type: "machine"}
	}
	return &annotate.Who{Name: p.CreatedBy, Type: "person"}
}

// flag says what an event did to a flag.
func (p unleashEvent) flag(r *annotate.Report, words string) {
	r.Flag = &annotate.FlagChange{Key: p.FeatureName}
	r.Title = p.FeatureName + " " + words
	switch {
	case p.Type == "feature-environment-enabled":
		r.Flag.From, r.Flag.To = false, true
	case p.Type == "feature-environment-disabled":
		r.Flag.From, r.Flag.To = true, false
	case strings.HasPrefix(p.Type, "feature-strategy-"):
		r.Title = details(r.Title, cmp.Or(p.Data.Title, p.Data.Name, p.PreData.Title, p.PreData.Name), p.rollout())
	case strings.HasSuffix(p.Type, "variants-updated"):
		if from, to := p.PreData.gives(), p.Data.gives(); !reflect.DeepEqual(from, to) {
			r.Flag.From, r.Flag.To = from, to
		}
	case strings.HasPrefix(p.Type, "release-plan-"):
		r.Title = details(r.Title, cmp.Or(p.Data.Name, p.PreData.Name), p.Data.MilestoneName)
	}
}

// details is a title with what is known in detail.
func details(title string, known ...string) string {
	known = slices.DeleteFunc(known, func(one string) bool { return one == "" })
	return strings.TrimSuffix(title+": "+strings.Join(known, ", "), ": ")
}

// rollout is how the share of a strategy changed: of those whom it is for, and not of
// all, since others may give the flag to more.
func (p unleashEvent) rollout() string {
	switch from, to := p.PreData.rollout(), p.Data.rollout(); {
	case from == to:
		return ""
	case from != "" && to != "":
		return from + " → " + to
	default:
		return from + to
	}
}

// rollout is the share of a strategy; empty where it has none.
func (u unleashData) rollout() string {
	share, ok := u.Parameters["rollout"]
	switch {
	case !ok:
		return ""
	case u.Disabled:
		return "disabled"
	}
	return variationOf("", share) + "%"
}

// gives is how many per cent of those who get the flag get each variant; nil where there
// are none. Their weights add up to 1000.
func (u unleashData) gives() any {
	percent := map[string]float64{}
	for _, v := range u.Variants {
		percent[v.Name] += v.Weight / 10
	}
	return given(percent)
}
