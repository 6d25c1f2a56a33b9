package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/internal/auth"
)

// eventRoutes take and answer events as Graphite does (graphite-web,
// webapp/graphite/events), so that what posts to it posts here, unchanged.
func (s *Server) eventRoutes() []*route {
	return []*route{
		{method: http.MethodPost, path: "/events/", need: auth.Operator, class: writing, mount: plain(s.postEvent)},
		{method: http.MethodPost, path: "/events", need: auth.Operator, class: writing, mount: plain(s.postEvent)},
		{method: http.MethodGet, path: "/events/get_data", need: auth.Viewer, class: reading, mount: plain(s.findEvents)},
		{method: http.MethodGet, path: "/events/{id}/", need: auth.Viewer, class: reading, mount: plain(s.getEvent)},
		{method: http.MethodGet, path: "/events/{id}", need: auth.Viewer, class: reading, mount: plain(s.getEvent)},
	}
}

func (s *Server) postEvent(c echo.Context) error {
	_, err := s.takeAnnotation(c, intake.Graphite, func(p intake.Post) *Fault {
		if p.What == nil && p.Text == nil {
			return &Fault{Message: "is missing; say what happened", Location: "body.what"}
		}
		return nil
	})
	if err != nil {
		return asForeign(err)
	}
	return c.NoContent(http.StatusOK)
}

// event is a change as Graphite answers an event.
type event struct {
	When int64       `json:"when"` // Unix seconds
	What string      `json:"what"`
	Data string      `json:"data"`
	Tags intake.Tags `json:"tags"`
	ID   int64       `json:"id"`
}

func eventOf(c annotate.Change, number int64, now time.Time) event {
	a := intake.Of(c, now)
	e := event{When: a.Time.Unix(), Tags: a.Tags, ID: number}
	e.What, e.Data, _ = strings.Cut(a.Text, "\n")
	if e.Tags == nil {
		e.Tags = intake.Tags{}
	}
	return e
}

// maxEvents is how many events an answer has: the newest.
const maxEvents = 5000

// findEvents answers the events that began between two times, oldest first.
func (s *Server) findEvents(c echo.Context) error {
	now := time.Now()
	f, err := eventTimes(c, now)
	if err != nil {
		return asForeign(err)
	}
	if f.From.After(f.To.Time) {
		return c.JSON(http.StatusOK, []event{})
	}
	asked := strings.Fields(c.QueryParam("tags"))
	slices.Sort(asked)
	asked = slices.Compact(asked)
	needed := len(asked)
	switch c.QueryParam("set") {
	case "", "intersection":
	case "union":
		needed = min(needed, 1)
	default:
		return asForeign(faulty(Fault{Message: "must be union or intersection; left out, it is intersection", Location: "query.set", Value: c.QueryParam("set")}))
	}
	if c.QueryParam("jsonp") != "" {
		return asForeign(faulty(Fault{Message: "is not served: it would let any web page read the events; ask for JSON", Location: "query.jsonp"}))
	}
	var changes []annotate.Change
	err = s.eachAnnotation(c, f, func(change annotate.Change) {
		if change.Start.Before(f.From.Time) || len(changes) == maxEvents {
			return // it began before, and goes on
		}
		has := 0
		for _, tag := range intake.Of(change, now).Tags {
			if slices.Contains(asked, tag) {
				has++
			}
		}
		if has >= needed {
			changes = append(changes, change)
		}
	})
	if err != nil {
		return asForeign(err)
	}
	slices.SortStableFunc(changes, func(x, y annotate.Change) int { return cmp.Or(x.Start.Compare(y.Start.Time), cmp.Compare(x.ID, y.ID)) })
	numbers, err := s.numbersOf(c.Request().Context(), changes)
	if err != nil {
		return asForeign(err)
	}
	events := make([]event, len(changes))
	for i, change := range changes {
		events[i] = eventOf(change, numbers[i], now)
	}
	return c.JSON(http.StatusOK, events)
}

// eventTimes reads from and until; without them it is all until now.
func eventTimes(c echo.Context, now time.Time) (annotate.Filter, error) {
	f := annotate.Filter{From: annotate.At(time.UnixMilli(1)), To: annotate.At(now)}
	for name, at := range map[string]*annotate.Time{"from": &f.From, "until": &f.To} {
		text := c.QueryParam(name)
		if text == "" {
			continue
		}
		t, err := intake.GraphiteTime(text, now)
		if err != nil {
			return f, faulty(Fault{Message: err.Error(), Location: "query." + name, Value: text})
		}
		*at = annotate.At(t)
	}
	return f, nil
}

func (s *Server) getEvent(c echo.Context) error {
	change, number, err := s.annotationAt(c)
	if err != nil {
		return asForeign(err)
	}
	return c.JSON(http.StatusOK, eventOf(change, number, time.Now()))
}
