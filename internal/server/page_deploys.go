package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/control"
)

type deploysPage struct {
	frame
	Targets []control.TargetView
	Holds   []deploy.Hold
	Deploys []control.View
}

// listedDeploys is how many deploys the page lists.
const listedDeploys = 30

// deploysOf answers the page of deploys: what runs, waits and is held, and how it went
// lately. It only shows, as all pages do.
func (s *Server) deploysOf(c echo.Context) error {
	return s.render(c, http.StatusOK, "deploys", deploysPage{
		frame: s.frame(), Targets: s.opts.Deploys.Targets(), Holds: s.opts.Deploys.Holds(),
		Deploys: s.opts.Deploys.Runs(control.Selection{}, listedDeploys),
	})
}

// deployOf returns the deploy that a change is, where Tidemark carries it out; else nil.
func (s *Server) deployOf(id string) *control.View {
	if s.opts.Deploys == nil {
		return nil
	}
	v, err := s.opts.Deploys.Get(id)
	if err != nil {
		return nil
	}
	return &v
}
