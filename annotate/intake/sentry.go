package intake

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// sentryDeploys takes the deploys of releases as Sentry's API does
// (https://docs.sentry.io/api/releases/create-a-deploy/). A release is called
// package@version, or by its version alone; a deploy is of one project or of several.
func sentryDeploys() Endpoint {
	type deploy struct {
		ID           string         `json:"id,omitempty"`
		Environment  string         `json:"environment"`
		Name         *string        `json:"name"`
		URL          *string        `json:"url"`
		DateStarted  *annotate.Time `json:"dateStarted"`
		DateFinished *annotate.Time `json:"dateFinished"`
		Projects     []string       `json:"projects,omitempty"`
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return Endpoint{
		Path: "/api/0/organizations/{organization}/releases/{version}/deploys/", Status: http.StatusCreated,
		read: func(r Request) (annotate.Report, error) {
			var d deploy
			if err := read(r.Body, &d); err != nil {
				return annotate.Report{}, err
			}
			if d.Environment == "" {
				return annotate.Report{}, invalid("environment", nil, "is missing; say where it was deployed to")
			}
			report := annotate.Report{
				Source: "sentry", Kind: "deploy", Environment: d.Environment, Links: link("run", text(d.URL)),
				Labels: labelled(map[string]string{"organization": r.Value("organization"), "projects": strings.Join(d.Projects, ",")}),
			}
			if name := text(d.Name); name != "" {
				report.Title, report.Text = split(name)
			}
			if d.DateStarted != nil {
				report.Start = *d.DateStarted
			}
			switch now := annotate.At(r.Now); { // it tells of what was deployed
			case d.DateFinished != nil && !d.DateFinished.IsZero():
				report.End = *d.DateFinished
			case report.Start.After(now.Time):
				report.End = report.Start
			default:
				report.End = now
			}
			if report.Start.IsZero() {
				report.Start = report.End
			}
			release := r.Value("version")
			if at := strings.LastIndex(release, "@"); at > 0 && at < len(release)-1 {
				report.Service, release = release[:at], release[at+1:]
			}
			report.Version = release
			if len(d.Projects) == 1 {
				report.Service = d.Projects[0]
			}
			return report, nil
		},
		Answer: func(c annotate.Change, number int64) any {
			d := deploy{ID: strconv.FormatInt(number, 10), Environment: c.Environment, DateStarted: &c.Start, DateFinished: c.End}
			if name := join(c.Title, c.Text); name != "" {
				d.Name = &name
			}
			if len(c.Links) > 0 {
				d.URL = &c.Links[0].Href
			}
			return d
		},
	}
}
