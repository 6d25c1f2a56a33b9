package intake

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/tidemark/tidemark/annotate"
)

// nerdGraph takes the two mutations of New Relic's GraphQL API that tell of changes
// (https://docs.newrelic.com/docs/change-tracking/change-tracking-graphql/), each alone
// in its request, with its argument written out or as a variable.
func nerdGraph() Endpoint {
	return Endpoint{
		Path: "/graphql", KeyHeader: "Api-Key", Status: http.StatusOK,
		read: func(r Request) (annotate.Report, error) {
			var q struct {
				Query     string          `json:"query"`
				Variables json.RawMessage `json:"variables"`
			}
			if err := read(r.Body, &q); err != nil {
				return annotate.Report{}, err
			}
			variables := map[string]any{}
			if len(q.Variables) > 0 && string(q.Variables) != "null" {
				numbers := json.NewDecoder(bytes.NewReader(q.Variables))
				numbers.UseNumber() // as they are written
				if err := numbers.Decode(&variables); err != nil {
					return annotate.Report{}, invalid("variables", nil, "must be a JSON object: "+err.Error())
				}
			}
			name, argument, err := mutationOf(q.Query, variables)
			if err != nil {
				return annotate.Report{}, err
			}
			if name == createDeployment {
				return newRelicDeployment(argument)
			}
			return newRelicEvent(argument)
		},
		Answer: func(c annotate.Change, _ int64) any {
			said := map[string]any{
				"user": who(c), "version": c.Version, "commit": c.Commit, "description": join(c.Title, c.Text), "timestamp": c.Start.UnixMilli(),
				"groupId": c.Labels["group_id"], "category": c.Labels["category"], "type": c.Labels["type"], "changeTrackingId": c.ID,
			}
			if c.Labels[labelEntity] == "" {
				return map[string]any{"data": map[string]any{createEvent: map[string]any{"changeTrackingEvent": said, "messages": []string{}}}}
			}
			said["deploymentId"], said["entityGuid"], said["deploymentType"] = c.ID, c.Labels[labelEntity], strings.ToUpper(c.Labels["type"])
			return map[string]any{"data": map[string]any{createDeployment: said}}
		},
	}
}

const (
	createDeployment = "changeTrackingCreateDeployment"
	createEvent      = "changeTrackingCreateEvent"
	newRelic         = "new_relic"
	labelEntity      = "entity_guid"
	// maxTokens bounds what is read of a mutation.
	maxTokens = 5000
)

// mutationOf returns which of New Relic's mutations a query is, and what it tells as
// JSON.
func mutationOf(query string, variables map[string]any) (name string, argument []byte, err error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxTokens)
	if err != nil {
		return "", nil, invalid("query", nil, "is not GraphQL: "+err.Error())
	}
	arguments := map[string]string{createDeployment: "deployment", createEvent: "changeTrackingEvent"}
	wrong := invalid("query", nil, fmt.Sprintf("must be one mutation, %s or %s: nothing else is taken here", createDeployment, createEvent))
	if len(doc.Operations) != 1 {
		return "", nil, wrong
	}
	asked := slices.DeleteFunc(doc.Operations[0].SelectionSet, func(s ast.Selection) bool {
		f, ok := s.(*ast.Field)
		return ok && f.Name == "__typename"
	})
	if len(asked) != 1 {
		return "", nil, wrong
	}
	field, ok := asked[0].(*ast.Field)
	if !ok || arguments[field.Name] == "" {
		return "", nil, wrong
	}
	for _, v := range doc.Operations[0].VariableDefinitions {
		if _, given := variables[v.Variable]; !given && v.DefaultValue != nil {
			if variables[v.Variable], err = v.DefaultValue.Value(nil); err != nil {
				return "", nil, invalid("query", v.Variable, err.Error())
			}
		}
	}
	given := field.Arguments.ForName(arguments[field.Name])
	if given == nil {
		return "", nil, invalid(arguments[field.Name], nil, "is missing from "+field.Name)
	}
	value, err := given.Value.Value(variables)
	if err == nil {
		argument, err = json.Marshal(value)
	}
	if err != nil {
		return "", nil, invalid(arguments[field.Name], nil, err.Error())
	}
	return field.Name, argument, nil
}

// newRelicDeployment is what a changeTrackingCreateDeployment says. Its entity is a
// number to all but New Relic, so that the service stays open.
func newRelicDeployment(argument []byte) (annotate.Report, error) {
	var d struct {
		EntityGUID  string  `json:"entityGuid"`
		Version     string  `json:"version"`
		Changelog   string  `json:"changelog"`
		Commit      string  `json:"commit"`
		DeepLink    string  `json:"deepLink"`
		Type        string  `json:"deploymentType"`
		Description string  `json:"description"`
		GroupID     string  `json:"groupId"`
		Timestamp   instant `json:"timestamp"` // Unix milliseconds
		User        string  `json:"user"`
	}
	if err := read(argument, &d); err != nil {
		return annotate.Report{}, err
	}
	if d.Version == "" {
		return annotate.Report{}, invalid("version", nil, "is missing; say what was deployed")
	}
	if d.EntityGUID == "" {
		return annotate.Report{}, invalid("entityGuid", nil, "is missing; say which entity was deployed")
	}
	r := annotate.Report{
		Source: newRelic, Kind: "deploy", Version: d.Version, Commit: d.Commit, Start: d.Timestamp.Time, Links: link("run", d.DeepLink), Who: person(d.User),
		Labels: labelled(map[string]string{labelEntity: d.EntityGUID, "type": strings.ToLower(d.Type), "group_id": d.GroupID}),
	}
	describe(&r, d.Description, "", d.Changelog)
	return r, nil
}

// newRelicEvent is what a changeTrackingCreateEvent says.
func newRelicEvent(argument []byte) (annotate.Report, error) {
	var e struct {
		Search struct {
			Query string `json:"query"`
		} `json:"entitySearch"`
		About struct {
			Kind struct {
				Category string `json:"category"`
				Type     string `json:"type"`
			} `json:"kind"`
			Fields struct {
				Deployment struct {
					Version   string `json:"version"`
					Changelog string `json:"changelog"`
					Commit    string `json:"commit"`
					DeepLink  string `json:"deepLink"`
				} `json:"deployment"`
				Flag struct {
					ID string `json:"featureFlagId"`
				} `json:"featureFlag"`
			} `json:"categoryFields"`
		} `json:"categoryAndTypeData"`
		Description string                     `json:"description"`
		Short       string                     `json:"shortDescription"`
		GroupID     string                     `json:"groupId"`
		Timestamp   instant                    `json:"timestamp"`
		User        string                     `json:"user"`
		Custom      map[string]json.RawMessage `json:"customAttributes"`
	}
	if err := read(argument, &e); err != nil {
		return annotate.Report{}, err
	}
	kind, fields := e.About.Kind, e.About.Fields
	if kind.Category == "" {
		return annotate.Report{}, invalid("categoryAndTypeData.kind.category", nil, "is missing; say what kind of change it is, such as Deployment")
	}
	r := annotate.Report{
		Source: newRelic, Kind: KindAnnotation, Version: fields.Deployment.Version, Commit: fields.Deployment.Commit, Start: e.Timestamp.Time,
		Links: link("run", fields.Deployment.DeepLink), Who: person(e.User),
		Labels: labelled(map[string]string{"category": kind.Category, "type": kind.Type, "group_id": e.GroupID}),
	}
	switch strings.NewReplacer(" ", "", "_", "").Replace(strings.ToLower(kind.Category)) {
	case "deployment":
		r.Kind = "deploy"
	case "featureflag":
		r.Kind = "flag"
		if fields.Flag.ID != "" {
			r.Flag = &annotate.FlagChange{Key: fields.Flag.ID}
		}
	}
	if named := entityName.FindStringSubmatch(e.Search.Query); named != nil {
		r.Service = named[1]
	}
	for name, value := range e.Custom {
		text := string(value)
		if json.Unmarshal(value, &text) != nil {
			text = string(value) // a number, or whatever it is, as JSON
		}
		if name != labelEntity && text != "" && text != "null" && annotate.IsLabelName(name) && r.Labels[name] == "" && len(r.Labels) < maxTagLabels && len(text) <= annotate.MaxValue {
			r.Labels[name] = text
		}
	}
	title, text := cmp.Or(e.Short, e.Description), ""
	if title != e.Description {
		text = e.Description
	}
	describe(&r, title, text, fields.Deployment.Changelog)
	return r, nil
}

// entityName finds the service in a search for entities, as in name = 'web'.
var entityName = regexp.MustCompile(`(?i)\bname\s*=\s*['"]([^'"]{1,200})['"]`)

// describe gives a report a title, a text, and what is new in it, which may be a URL;
// each may be empty.
func describe(r *annotate.Report, title, text, changelog string) {
	if title != "" {
		r.Title, r.Text = split(title)
	}
	if to := link("changelog", changelog); to != nil {
		r.Links, changelog = append(r.Links, to...), ""
	}
	for _, more := range []string{text, changelog} {
		if more != "" {
			r.Text = strings.TrimPrefix(r.Text+"\n"+more, "\n")
		}
	}
}

// person is who made a change; nil where that is not said.
func person(name string) *annotate.Who {
	if name == "" {
		return nil
	}
	return &annotate.Who{Name: name}
}

func who(c annotate.Change) string {
	if c.Who == nil {
		return ""
	}
	return c.Who.Name
}
