package server

import (
	"context"
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

// newest is how many changes the first page lists.
const newest = 10

type homePage struct {
	frame
	Home
	Last    *annotate.Change
	Changes []annotate.Change
}

// home answers the first page. A change log that fails costs the page its
// changes, and not the rest.
func (s *Server) home(c echo.Context) error {
	data := homePage{Home: s.opts.Home(c.Request().Context()), frame: s.frame()}
	if err := s.fillChanges(c.Request().Context(), &data); err != nil {
		s.troubled(&data.frame, "home", err)
		data.Trouble = "The change log does not answer: " + data.Trouble
	}
	return s.render(c, http.StatusOK, "home", data)
}

func (s *Server) fillChanges(ctx context.Context, data *homePage) error {
	last, err := s.opts.Changes.Newest(ctx, annotate.Filter{}, annotate.PerNothing)
	if err != nil {
		return err
	}
	if len(last.Changes) > 0 {
		data.Last = &last.Changes[0]
	}
	list, err := s.opts.Changes.List(ctx, annotate.List{Limit: newest})
	data.Changes = list.Changes
	return err
}
