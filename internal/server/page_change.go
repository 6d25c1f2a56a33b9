package server

import (
	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy/control"
)

type changePage struct {
	frame
	Change    *annotate.Change
	Revisions []annotate.Revision
	// Deploy is the change as Tidemark carries it out; nil where it does not.
	Deploy *control.View
	// Lasted is how long the change took, if it has ended and was no instant.
	Lasted string
}

// changeOf answers the page of one change. It only shows: whoever may alter the
// change finds the command here.
func (s *Server) changeOf(c echo.Context) error {
	data := changePage{frame: s.frame()}
	ctx := c.Request().Context()
	revisions, err := s.opts.Changes.Revisions(ctx, c.Param("id"))
	if err == nil && len(revisions) > 0 {
		change := revisions[len(revisions)-1].Change
		data.Change, data.Revisions, data.Deploy = &change, revisions, s.deployOf(change.ID)
		if change.End != nil {
			data.Lasted = roughly(change.End.Sub(change.Start.Time))
		}
	}
	return s.render(c, s.troubled(&data.frame, "change", err), "change", data)
}
