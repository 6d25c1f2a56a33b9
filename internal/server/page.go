package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed pages
var pageFiles embed.FS

// pages renders what people look at.
type pages struct {
	templates map[string]*template.Template
	style     template.CSS
	// policy lets the pages' own style in, by its hash, and nothing else.
	policy string
}

// pageNames are the templates that stand in the frame.
var pageNames = []string{"home", "changes", "change", "deploys"}

func newPages() (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("read the style of the pages: %w", err)
	}
	hash := sha256.Sum256(style)
	p := &pages{
		templates: map[string]*template.Template{},
		style:     template.CSS(style),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
	}
	functions := template.FuncMap{
		"ago": ago,
		"took": func(seconds float64) string {
			return time.Duration(seconds * float64(time.Second)).Round(time.Second / 10).String()
		},
		"time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	}
	for _, name := range pageNames {
		t, err := template.New(name).Funcs(functions).ParseFS(pageFiles, "pages/frame.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("read the page %s: %w", name, err)
		}
		p.templates[name] = t
	}
	return p, nil
}

// frame is what each page is filled with, around its own.
type frame struct {
	Style   template.CSS
	Version string
	Prefix  string
	Now     time.Time
	// Trouble says what is missing, and why.
	Trouble string
	// HasDeploys says that there is a page of deploys.
	HasDeploys bool
}

func (s *Server) frame() frame {
	return frame{Style: s.pages.style, Version: s.opts.Version, Prefix: s.prefix, Now: s.now(), HasDeploys: s.opts.Deploys != nil}
}

// troubled returns the status of a page that could not be filled, and says in
// its frame why.
func (s *Server) troubled(f *frame, page string, err error) int {
	if err == nil {
		return http.StatusOK
	}
	p := problemOf(err, "query")
	f.Trouble = p.Detail
	if p.Status >= http.StatusInternalServerError {
		s.logger.Warn("a page shows no changes", "page", page, "err", err)
	}
	return p.Status
}

// render answers with the page called name.
func (s *Server) render(c echo.Context, status int, name string, data any) error {
	var out bytes.Buffer
	if err := s.pages.templates[name].ExecuteTemplate(&out, "frame", data); err != nil {
		return fmt.Errorf("render the page %s: %w", name, err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", s.pages.policy)
	h.Set("Cache-Control", "no-store")
	return c.HTMLBlob(status, out.Bytes())
}

// ago writes how long before now t was, or how long after, in the one unit that
// matters.
func ago(t, now time.Time) string {
	d, form := now.Sub(t), "%s ago"
	if d < 0 {
		d, form = -d, "in %s"
	}
	if span := roughly(d); span != "" {
		return fmt.Sprintf(form, span)
	}
	return "just now"
}

// roughly writes a duration in its largest whole unit; under a second it is "".
func roughly(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		switch n := int64(d / unit.size); {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return ""
}
