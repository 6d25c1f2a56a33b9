package intake

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// launchDarklySender takes the webhooks of LaunchDarkly, each an entry of its audit log
// (https://launchdarkly.com/docs/home/infrastructure/webhooks and
// https://launchdarkly.com/docs/api/audit-log/get-audit-log-entry; the types are those of
// launchdarkly/api-client-go, model_audit_log_entry_rep.go and model_feature_flag.go).
func launchDarklySender() sender {
	return sender{
		name:   "launchdarkly",
		proofs: []proof{signed("X-LD-Signature", "")},
		read:   readLaunchDarkly,
	}
}

// launchDarklyEntry is what is read of an entry. The versions have the form of what the
// entry is about: only that of a flag is known here.
type launchDarklyEntry struct {
	ID       string        `json:"_id"`
	Date     annotate.Time `json:"date"`
	Accesses []struct {
		Action   string `json:"action"`
		Resource string `json:"resource"`
	} `json:"accesses"`
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Comment     string `json:"comment"`
	Member      struct {
		Email     string `json:"email"`
		FirstName string `json:"firstName"`
		LastName  string `json:"lastName"`
	} `json:"member"`
	Token     launchDarklyNamed `json:"token"`
	App       launchDarklyNamed `json:"app"`
	Subject   launchDarklyNamed `json:"subject"`
	TitleVerb string            `json:"titleVerb"`
	Title     string            `json:"title"`
	Target    launchDarklyNamed `json:"target"`
	Parent    launchDarklyNamed `json:"parent"`
	Links     struct {
		Site struct {
			Href string `json:"href"`
		} `json:"site"`
	} `json:"_links"`
	Previous json.RawMessage `json:"previousVersion"`
	Current  json.RawMessage `json:"currentVersion"`
}

type launchDarklyNamed struct {
	Name string `json:"name"`
}

// launchDarklyKinds are the kinds of change that entries are of. All others are about
// who may do what, or about measuring.
var launchDarklyKinds = map[string]string{
	"flag":    annotate.KindFlag,
	"segment": annotate.KindConfig, "environment": annotate.KindConfig, "project": annotate.KindConfig,
}

// launchDarklyIdle are the actions on flags that by themselves change nothing of what
// a flag gives (https://launchdarkly.com/docs/home/account/role-actions): its description, and
// what is only asked for or planned, of which another entry tells when it is done.
var launchDarklyIdle = map[string]bool{
	"updateName": true, "updateDescription": true, "updateTags": true, "updateMaintainer": true,
	"updateTemporary": true, "updateDeprecated": true, "updateFlagCustomProperties": true,
	"createFlagLink": true, "updateFlagLink": true, "deleteFlagLink": true, "updateFlagCodeReferences": true,
	"createApprovalRequest": true, "updateApprovalRequest": true, "reviewApprovalRequest": true, "deleteApprovalRequest": true,
	"updateScheduledChanges": true, "updateFeatureWorkflows": true,
	"createTriggers": true, "updateTriggers": true, "deleteTriggers": true,
	"updateTrackEvents": true, "updateFlagFallthroughTrackEvents": true, "updateAttachedGoals": true,
}

func readLaunchDarkly(_ *Hook, d Delivery) (Told, error) {
	var p launchDarklyEntry
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	told := Told{Event: strings.TrimSuffix(p.Kind+" "+strings.Join(p.actions(), ", "), " ")}
	kind, known := launchDarklyKinds[p.Kind]
	switch {
	case p.Kind == "":
		return told, invalid("kind", nil, "is missing; is it an entry of LaunchDarkly's audit log?")
	case !known:
		return nothing(told.Event, "it is not about a change; flag, segment, environment and project are"), nil
	case p.ID == "":
		return told, invalid("_id", nil, "is missing")
	case p.Date.IsZero():
		return told, invalid("date", nil, "is missing")
	}
	actions := p.actions()
	if len(actions) > 0 && !slices.ContainsFunc(actions, func(action string) bool { return !launchDarklyIdle[action] }) {
		return nothing(told.Event, "what the flag gives stays as it is"), nil
	}
	r := p.report(kind)
	if kind != annotate.KindFlag {
		told.Reports = []annotate.Report{r}
		return told, nil
	}
	told.Reports = p.flagReports(r)
	return told, nil
}

// actions are what was done, each once and in order.
func (p launchDarklyEntry) actions() []string {
	seen := map[string]bool{}
	for _, access := range p.Accesses {
		if access.Action != "" {
			seen[access.Action] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// part is the keys that the accesses have of a kind of resource, such as env in
// proj/shop:env/production:flag/checkout;tag.
func (p launchDarklyEntry) part(kind string) []string {
	seen := map[string]bool{}
	for _, access := range p.Accesses {
		for one := range strings.SplitSeq(access.Resource, ":") {
			name, key, _ := strings.Cut(one, "/")
			key, _, _ = strings.Cut(key, ";")
			if name == kind && key != "" && key != "*" {
				seen[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// only is the only one of several, or else none.
func only(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return ""
}

func (p launchDarklyEntry) report(kind string) annotate.Report {
	r := annotate.Report{
		ExternalID: externalID("auditlog", p.ID), At: p.Date,
		Kind: kind, Status: annotate.Succeeded, Start: p.Date, End: p.Date,
		Environment: only(p.part("env")), Who: p.who(),
		Labels: labelled(map[string]string{"project": only(p.part("proj"))}),
		Links:  link(p.Kind, p.site()),
	}
	about := cmp.Or(p.Target.Name, p.Name)
	r.Title = strings.TrimSpace(cmp.Or(p.TitleVerb, "changed") + " " + about)
	if p.Parent.Name != "" && p.Parent.Name != about && r.Environment != "" {
		r.Title += " in " + p.Parent.Name
	}
	r.Text = strings.TrimSpace(p.Comment + "\n\n" + p.Description)
	return r
}

// who is the member, or what else did it: most tokens are some member's.
func (p launchDarklyEntry) who() *annotate.Who {
	if name := cmp.Or(strings.TrimSpace(p.Member.FirstName+" "+p.Member.LastName), p.Member.Email); name != "" {
		return &annotate.Who{Name: name, Type: "person"}
	}
	if name := cmp.Or(p.Token.Name, p.App.Name, p.Subject.Name); name != "" {
		return &annotate.Who{Name: name, Type: "machine"}
	}
	return nil
}

// site is the page of what was changed. The link has only its path: the title has the
// host too, which is another in each of LaunchDarkly's regions.
func (p launchDarklyEntry) site() string {
	path := p.Links.Site.Href
	if !strings.HasPrefix(path, "/") {
		return path
	}
	if before, _, found := strings.Cut(p.Title, path+")"); found {
		if host := before[strings.LastIndex(before, "(")+1:]; strings.HasPrefix(host, "https://") {
			return host + path
		}
	}
	return "https://app.launchdarkly.com" + path
}

// flagReports are the reports of a flag: one for each environment in which it gives
// something else now, or one where what it gives by default stays as it was.
func (p launchDarklyEntry) flagReports(r annotate.Report) []annotate.Report {
	before, after := launchDarklyFlagOf(p.Previous), launchDarklyFlagOf(p.Current)
	key := cmp.Or(only(p.part("flag")), after.Key, before.Key)
	r.Flag = &annotate.FlagChange{Key: key}
	environments := p.part("env")
	if len(environments) > 1 && (before.Environments == nil || after.Environments == nil) {
		return []annotate.Report{r} // it was created or deleted in all of them
	}
	var reports []annotate.Report
	for _, environment := range environments {
		from, to := before.gives(environment), after.gives(environment)
		if reflect.DeepEqual(from, to) {
			continue
		}
		one := r
		one.Environment = environment
		one.Labels = maps.Clone(r.Labels)
		one.Flag = &annotate.FlagChange{Key: key, From: from, To: to}
		if len(environments) > 1 {
			one.ExternalID = externalID("auditlog", p.ID, environment)
		}
		reports = append(reports, one)
	}
	if len(reports) == 0 {
		return []annotate.Report{r}
	}
	return reports
}

type launchDarklyFlag struct {
	Key        string `json:"key"`
	Variations []struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	} `json:"variations"`
	Environments map[string]struct {
		On          bool `json:"on"`
		Fallthrough struct {
			Variation *int `json:"variation"`
			Rollout   struct {
				Variations []struct {
					Variation int     `json:"variation"`
					Weight    float64 `json:"weight"`
				} `json:"variations"`
			} `json:"rollout"`
		} `json:"fallthrough"`
		OffVariation *int `json:"offVariation"`
	} `json:"environments"`
}

// launchDarklyFlagOf reads one version of a flag. The entry tells of a change also where
// it has none, or one of another form.
func launchDarklyFlagOf(raw json.RawMessage) launchDarklyFlag {
	var f launchDarklyFlag
	if len(raw) == 0 || json.Unmarshal(raw, &f) != nil {
		return launchDarklyFlag{}
	}
	return f
}

// gives is what the flag gives in an environment to those whom no rule or target names.
// Nil is where that is not known.
func (f launchDarklyFlag) gives(environment string) any {
	e, known := f.Environments[environment]
	percent := map[string]float64{}
	give := func(index int, share float64) {
		if index >= 0 && index < len(f.Variations) {
			percent[variationOf(f.Variations[index].Name, f.Variations[index].Value)] += share
		}
	}
	switch {
	case !known:
	case !e.On && e.OffVariation == nil:
		return annotate.CodeDefault
	case !e.On:
		give(*e.OffVariation, 100)
	case e.Fallthrough.Variation != nil:
		give(*e.Fallthrough.Variation, 100)
	default:
		for _, share := range e.Fallthrough.Rollout.Variations {
			give(share.Variation, share.Weight/1000)
		}
	}
	return given(percent)
}
