package intake

import (
	"cmp"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// flagsmithSender takes the webhooks of Flagsmith's environments and organisations
// (Flagsmith/flagsmith, api/webhooks/webhooks.py, api/features/tasks.py,
// api/environments/models.py and api/audit/serializers.py).
func flagsmithSender() sender {
	return sender{
		name:   "flagsmith",
		proofs: []proof{signed("X-Flagsmith-Signature", ""), bearer()},
		read:   readFlagsmith,
	}
}

// flagsmithPayload is what is read of a webhook. Of a flag its data has the states, and
// of the audit log an entry.
type flagsmithPayload struct {
	EventType string `json:"event_type"`
	Data      struct {
		ChangedBy string          `json:"changed_by"`
		Timestamp string          `json:"timestamp"` // empty where Flagsmith does not know it
		New       *flagsmithState `json:"new_state"`
		Previous  *flagsmithState `json:"previous_state"`

		ID          int64         `json:"id"`
		CreatedDate annotate.Time `json:"created_date"`
		Log         string        `json:"log"`
		Author      *struct {
			Email     string `json:"email"`
			FirstName string `json:"first_name"`
			LastName  string `json:"last_name"`
		} `json:"author"`
		Environment flagsmithNamed `json:"environment"`
		Project     flagsmithNamed `json:"project"`
		RelatedType string         `json:"related_object_type"`
	} `json:"data"`
}

type flagsmithNamed struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// flagsmithState is a flag in an environment, for all or for a segment or an identity.
type flagsmithState struct {
	Feature struct {
		flagsmithNamed

		Project flagsmithNamed `json:"project"`
	} `json:"feature"`
	Environment        flagsmithNamed `json:"environment"`
	IdentityIdentifier string         `json:"identity_identifier"`
	Segment            *struct {
		Segment flagsmithNamed `json:"segment"`
	} `json:"feature_segment"`
	Enabled bool `json:"enabled"`
	Value   any  `json:"feature_state_value"`
	Options []struct {
		Option struct {
			Value any `json:"value"`
		} `json:"multivariate_feature_option"`
		Percentage float64 `json:"percentage_allocation"`
	} `json:"multivariate_feature_state_values"`
}

func readFlagsmith(_ *Hook, d Delivery) (Told, error) {
	var p flagsmithPayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	switch p.EventType {
	case "":
		return Told{}, invalid("event_type", nil, "is missing; is it a webhook of Flagsmith's environments or organisations?")
	case "FLAG_UPDATED", "FLAG_DELETED":
		return p.flag()
	case "AUDIT_LOG_CREATED":
		return p.audit()
	case "NEW_VERSION_PUBLISHED":
		return nothing(p.EventType, "FLAG_UPDATED tells of each flag in the version"), nil
	}
	return nothing(p.EventType, "it is not about a change; FLAG_UPDATED, FLAG_DELETED and AUDIT_LOG_CREATED are"), nil
}

func (p flagsmithPayload) flag() (Told, error) {
	told := Told{Event: p.EventType}
	state := p.Data.New
	if state == nil {
		state = p.Data.Previous
	}
	switch {
	case state == nil:
		return told, invalid("data.new_state", nil, "is missing, and data.previous_state is too")
	case state.Feature.Name == "":
		return told, invalid("data.new_state.feature.name", nil, "is missing")
	case state.IdentityIdentifier != "":
		return nothing(told.Event, "it is for one identity alone"), nil
	}
	r := annotate.Report{
		Kind: annotate.KindFlag, Status: annotate.Succeeded, Environment: state.Environment.Name,
		Labels: labelled(map[string]string{"project": state.Feature.Project.Name}),
		Flag:   &annotate.FlagChange{Key: state.Feature.Name},
	}
	id := []string{"flag", strconv.FormatInt(state.Environment.ID, 10), strconv.FormatInt(state.Feature.ID, 10)}
	if state.Segment != nil {
		name := state.Segment.Segment.Name
		r.Title = state.Feature.Name + " for the segment " + name
		r.Labels["segment"] = name
		id = append(id, "segment", strconv.FormatInt(state.Segment.Segment.ID, 10))
	}
	if from, to := p.Data.Previous.gives(), p.Data.New.gives(); !reflect.DeepEqual(from, to) {
		r.Flag.From, r.Flag.To = from, to
	}
	if p.EventType == "FLAG_DELETED" {
		// It is sent before the flag is gone, with time and author of the change before:
		// so when it came is all that is known, and each flag is deleted once.
		r.ExternalID = externalID(append(id, "deleted")...)
		told.Reports = []annotate.Report{r}
		return told, nil
	}
	r.Who = flagsmithWho(p.Data.ChangedBy)
	if p.Data.Timestamp != "" {
		at, err := annotate.ParseTime(p.Data.Timestamp)
		if err != nil {
			return told, invalid("data.timestamp", p.Data.Timestamp, err.Error())
		}
		// Flagsmith has no id for it: nobody changes one flag twice in a microsecond.
		r.ExternalID = externalID(append(id, p.Data.Timestamp)...)
		r.At, r.Start, r.End = at, at, at
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

// flagsmithWho is who made a change: a user by their address, and a key by its name.
func flagsmithWho(by string) *annotate.Who {
	switch {
	case by == "":
		return nil
	case strings.Contains(by, "@"):
		return &annotate.Who{Name: by, Type: "person"}
	}
	return &annotate.Who{Name: by, Type: "machine"}
}

// gives is what the flag gives: false where it is off, and where it is on its value, or
// how many per cent get which, or true where it has none. Nil is for no state.
func (s *flagsmithState) gives() any {
	switch {
	case s == nil:
		return nil
	case !s.Enabled:
		return false
	}
	rest, percent := 100.0, map[string]float64{}
	for _, option := range s.Options {
		percent[variationOf("", option.Option.Value)] += option.Percentage
		rest -= option.Percentage
	}
	if rest < 100 {
		control := "control"
		if s.Value != nil {
			control = variationOf("", s.Value)
		}
		percent[control] += rest
		return given(percent)
	}
	if s.Value == nil || s.Value == "" {
		return true
	}
	return s.Value
}

// audit is an entry of the audit log, which has all that is done in Flagsmith.
func (p flagsmithPayload) audit() (Told, error) {
	a := p.Data
	told := Told{Event: strings.TrimSuffix("AUDIT_LOG_CREATED "+a.RelatedType, " ")}
	r := annotate.Report{
		Kind: annotate.KindConfig, At: a.CreatedDate, Status: annotate.Succeeded, Start: a.CreatedDate, End: a.CreatedDate,
		Environment: a.Environment.Name, Labels: labelled(map[string]string{"project": a.Project.Name}), Evidence: evidence(told.Event + ": " + a.Log),
	}
	r.Title, r.Text = heading(a.Log)
	switch {
	case a.RelatedType != "SEGMENT" && a.RelatedType != "ENVIRONMENT":
		return nothing(told.Event, "it is not about a change, or FLAG_UPDATED and FLAG_DELETED tell of it"), nil
	case a.CreatedDate.IsZero():
		return told, invalid("data.created_date", nil, "is missing")
	}
	r.ExternalID = externalID("audit", strconv.FormatInt(a.ID, 10))
	if a.ID == 0 { // as of older servers
		r.ExternalID = externalID("audit", a.CreatedDate.Format(time.RFC3339Nano), a.Log)
	}
	if a.Author != nil {
		if name := cmp.Or(strings.TrimSpace(a.Author.FirstName+" "+a.Author.LastName), a.Author.Email); name != "" {
			r.Who = &annotate.Who{Name: name, Type: "person"}
		}
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}
