package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the page's template
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
)

// Home is what the first page shows beside the changes.
type Home struct {
	// Versions are what runs, as far as the change log knows.
	Versions []Running
	// TargetsUp and TargetsDown count the targets by how their last scrape went.
	TargetsUp, TargetsDown int
}

// Running is the version of a service that runs somewhere.
type Running struct {
	Service, Environment, Version string
	// Since is when it was deployed.
	Since time.Time
}

// newest is how many changes the page lists.
const newest = 10

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

// page renders the first page.
type page struct {
	template *template.Template
	// policy lets the page's own style in, by its hash, and nothing else.
	policy string
}

func newPage() (*page, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"ago":  ago,
		"time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	}).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	hash := sha256.Sum256([]byte(pageStyle))
	return &page{
		template: t,
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
	}, nil
}

// pageData is what the template is filled with.
type pageData struct {
	Home
	Style   template.CSS
	Version string
	Prefix  string
	Now     time.Time
	Last    *annotate.Change
	Changes []annotate.Change
	// Trouble says why the changes are missing.
	Trouble string
}

// home answers the first page. A change log that fails costs the page its
// changes, and not the rest.
func (s *Server) home(c echo.Context) error {
	data := pageData{
		Home:    s.opts.Home(c.Request().Context()),
		Style:   template.CSS(pageStyle),
		Version: s.opts.Version,
		Prefix:  s.prefix,
		Now:     s.now(),
	}
	if err := s.fillChanges(c.Request().Context(), &data); err != nil {
		s.logger.Warn("the page shows no changes", "err", err)
		data.Trouble = problemOf(err, "query").Detail
	}
	var out bytes.Buffer
	if err := s.page.template.Execute(&out, data); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", s.page.policy)
	h.Set("Cache-Control", "no-store")
	return c.HTMLBlob(http.StatusOK, out.Bytes())
}

func (s *Server) fillChanges(ctx context.Context, data *pageData) error {
	last, err := s.opts.Changes.Last(ctx, annotate.Filter{}, false)
	if err != nil {
		return err
	}
	if len(last) > 0 {
		data.Last = &last[0]
	}
	list, err := s.opts.Changes.List(ctx, annotate.List{Limit: newest})
	data.Changes = list.Changes
	return err
}

// ago writes how long before now t was, or how long after, in the one unit that
// matters.
func ago(t, now time.Time) string {
	d, form := now.Sub(t), "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := int64(d / unit.size)
		switch {
		case n == 1:
			return fmt.Sprintf(form, "1 "+unit.name)
		case n > 1:
			return fmt.Sprintf(form, fmt.Sprintf("%d %ss", n, unit.name))
		}
	}
	return "just now"
}
