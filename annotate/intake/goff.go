package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// goffSender takes the webhook notifier of GO Feature Flag and its relay proxy
// (thomaspoignant/go-feature-flag, notifier/webhooknotifier/notifier.go,
// notifier/diff_cache.go and internal/signer/signer.go).
//
// It says neither who changed a flag nor when, and has no id. Nor does it ever say
// anything again: each delivery is a new change, at the time when it came. But all flags
// are added when an instance starts: a flag is added once in each of its definitions.
func goffSender() sender {
	return sender{
		name:   "go-feature-flag",
		proofs: []proof{signed("X-Hub-Signature-256", "sha256="), bearer()},
		read:   readGOFF,
	}
}

// goffDiff is how the flags of an instance changed since it last looked.
type goffDiff struct {
	Meta  map[string]string `json:"meta"`
	Flags *struct {
		Added   map[string]json.RawMessage `json:"added"`
		Deleted map[string]json.RawMessage `json:"deleted"`
		Updated map[string]struct {
			Old json.RawMessage `json:"old_value"`
			New json.RawMessage `json:"new_value"`
		} `json:"updated"`
	} `json:"flags"`
}

func readGOFF(_ *Hook, d Delivery) (Told, error) {
	var p goffDiff
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	if p.Flags == nil {
		return Told{}, invalid("flags", nil, "is missing; is it the webhook notifier of GO Feature Flag?")
	}
	told := Told{Event: fmt.Sprintf("%d added, %d updated, %d deleted", len(p.Flags.Added), len(p.Flags.Updated), len(p.Flags.Deleted))}
	for _, key := range slices.Sorted(maps.Keys(p.Flags.Added)) {
		definition := p.Flags.Added[key]
		r := p.report(key, nil, definition, d.Arrived)
		sum := sha256.Sum256(definition)
		r.ExternalID = externalID("added", r.Service, r.Environment, key, hex.EncodeToString(sum[:16]))
		r.Title = key + " added"
		told.Reports = append(told.Reports, r)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Flags.Updated)) {
		diff := p.Flags.Updated[key]
		r := p.report(key, diff.Old, diff.New, d.Arrived)
		if r.Flag.From == nil && r.Flag.To == nil {
			r.Title = strings.TrimSuffix(key+" changed: "+strings.Join(goffFields(diff.Old, diff.New), ", "), ": ")
		}
		told.Reports = append(told.Reports, r)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Flags.Deleted)) {
		r := p.report(key, p.Flags.Deleted[key], nil, d.Arrived)
		r.Title = key + " deleted"
		told.Reports = append(told.Reports, r)
	}
	if len(told.Reports) == 0 {
		return nothing(told.Event, "no flag changed"), nil
	}
	return told, nil
}

// report is what a delivery says of one flag. Who set up the notifier may say in its
// meta what else it should.
func (p goffDiff) report(key string, before, after json.RawMessage, now time.Time) annotate.Report {
	labels := maps.Clone(p.Meta)
	delete(labels, "service")
	delete(labels, "environment")
	r := annotate.Report{
		Kind: annotate.KindFlag, Status: annotate.Succeeded,
		Service: p.Meta["service"], Environment: p.Meta["environment"], Labels: labels,
		Flag: &annotate.FlagChange{Key: key},
	}
	if from, to := goffGives(before, now), goffGives(after, now); !reflect.DeepEqual(from, to) {
		r.Flag.From, r.Flag.To = from, to
	}
	return r
}

// goffGives is what a definition gives to those whom no rule catches, nil for none and
// for one that is wrong: the change is told all the same.
func goffGives(definition json.RawMessage, now time.Time) any {
	var d flag.Definition
	if len(definition) == 0 || json.Unmarshal(definition, &d) != nil || flag.Validate("", d) != nil {
		return nil
	}
	return flag.Flag{Definition: d}.Shares(now).LogValue()
}

// goffFields are the fields in which two definitions differ.
func goffFields(before, after json.RawMessage) []string {
	var old, changed map[string]any
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &changed) != nil {
		return nil
	}
	fields := map[string]bool{}
	for _, side := range []map[string]any{old, changed} {
		for name := range side {
			if !reflect.DeepEqual(old[name], changed[name]) {
				fields[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(fields))
}
