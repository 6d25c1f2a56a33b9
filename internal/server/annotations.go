package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/internal/auth"
)

// annotationRoutes take and answer annotations as Grafana's HTTP API does, so that what
// posts to it posts here, unchanged.
func (s *Server) annotationRoutes() []*route {
	const path = "/api/annotations"
	routes := []*route{
		{method: http.MethodPost, path: path, need: auth.Operator, class: writing, mount: plain(s.postAnnotation)},
		{method: http.MethodGet, path: path, need: auth.Viewer, class: reading, mount: plain(s.findAnnotations)},
		{method: http.MethodPost, path: path + "/graphite", need: auth.Operator, class: writing, mount: plain(s.postGraphiteAnnotation)},
		{method: http.MethodGet, path: path + "/tags", need: auth.Viewer, class: reading, mount: plain(s.annotationTags)},
		{method: http.MethodGet, path: path + "/{id}", need: auth.Viewer, class: reading, mount: plain(s.getAnnotation)},
		{method: http.MethodPut, path: path + "/{id}", need: auth.Operator, class: writing, mount: plain(s.alterAnnotation("Annotation updated"))},
		{method: http.MethodPatch, path: path + "/{id}", need: auth.Operator, class: writing, mount: plain(s.alterAnnotation("Annotation patched"))},
		{method: http.MethodDelete, path: path + "/{id}", need: auth.Operator, class: writing, mount: plain(s.deleteAnnotation)},
	}
	for _, r := range routes {
		r.refusal = grafanaRefusal
	}
	return routes
}

// grafanaRefusal writes a problem in the form of Grafana.
func grafanaRefusal(_ echo.Context, p *Problem) []byte {
	body, _ := json.Marshal(map[string]string{"message": p.Detail}) //nolint:errchkjson // strings alone
	return body
}

// asForeign is err as those answer that know no 422.
func asForeign(err error) error {
	if err == nil {
		return nil
	}
	p := *problemOf(err, "body")
	if p.Status == http.StatusUnprocessableEntity {
		p.Status, p.Title = http.StatusBadRequest, http.StatusText(http.StatusBadRequest)
	}
	return &p
}

func (s *Server) postAnnotation(c echo.Context) error {
	number, err := s.takeAnnotation(c, intake.Grafana, nil)
	if err != nil {
		return asForeign(err)
	}
	return c.JSON(http.StatusOK, map[string]any{"message": "Annotation added", "id": number})
}

// postGraphiteAnnotation takes Graphite's form of an annotation. As Grafana does, it
// asks for tags.
func (s *Server) postGraphiteAnnotation(c echo.Context) error {
	number, err := s.takeAnnotation(c, intake.Grafana, func(p intake.Post) *Fault {
		if p.Tags == nil {
			return &Fault{Message: `is missing; say a list such as ["deploy"], or words with spaces between them`, Location: "body.tags"}
		}
		return nil
	})
	if err != nil {
		return asForeign(err)
	}
	return c.JSON(http.StatusOK, map[string]any{"message": "Graphite annotation added", "id": number})
}

// takeAnnotation records what the body of c says as a change of the source, unless
// check finds something wrong with it, and returns the change's number.
func (s *Server) takeAnnotation(c echo.Context, source string, check func(intake.Post) *Fault) (int64, error) {
	post, err := s.readPost(c)
	if err != nil {
		return 0, err
	}
	if check != nil {
		if fault := check(post); fault != nil {
			return 0, faulty(*fault)
		}
	}
	a, err := post.Annotation(intake.At(time.Now()))
	if err != nil {
		return 0, err
	}
	report, err := a.Report(source, time.Now())
	if err != nil {
		return 0, err
	}
	_, number, err := s.recordForeign(c.Request().Context(), report)
	return number, err
}

// recordForeign records a report for a caller who knows changes by numbers. The number
// is 0 where it cannot be told.
func (s *Server) recordForeign(ctx context.Context, report annotate.Report) (annotate.Change, int64, error) {
	result, err := s.opts.Changes.Record(ctx, exchangeOf(ctx).who.Attribution(), report)
	if err != nil {
		return annotate.Change{}, 0, err
	}
	numbers, err := s.opts.Changes.Numbers(ctx, []string{result.Change.ID})
	if err != nil { // it is kept all the same: whom an error were told would send it again
		s.logger.Warn("the number of an annotation could not be read", "change", result.Change.ID, "err", err)
		return result.Change, 0, nil
	}
	return result.Change, numbers[0], nil
}

func (s *Server) readPost(c echo.Context) (intake.Post, error) {
	body, err := s.readForeign(c)
	if err != nil {
		return intake.Post{}, err
	}
	return intake.ReadPost(body)
}

// readForeign returns a body that speaks of one change.
func (s *Server) readForeign(c echo.Context) ([]byte, error) {
	body, err := s.bodies.read(c.Request())
	if err == nil && int64(len(body)) > s.limits.ChangeBytes {
		err = tooLarge(s.limits.ChangeBytes)
	}
	return body, err
}

// annotation is a change as Grafana answers an annotation.
type annotation struct {
	ID           int64           `json:"id"`
	AlertID      int64           `json:"alertId"`
	AlertName    string          `json:"alertName"`
	DashboardID  int64           `json:"dashboardId"`
	DashboardUID string          `json:"dashboardUID"`
	PanelID      int64           `json:"panelId"`
	UserID       int64           `json:"userId"`
	NewState     string          `json:"newState"`
	PrevState    string          `json:"prevState"`
	Created      int64           `json:"created"`
	Updated      int64           `json:"updated"`
	Time         int64           `json:"time"`
	TimeEnd      int64           `json:"timeEnd"`
	Text         string          `json:"text"`
	Tags         []string        `json:"tags"`
	Login        string          `json:"login"`
	Email        string          `json:"email"`
	AvatarURL    string          `json:"avatarUrl"`
	Data         json.RawMessage `json:"data"`
}

func annotationOf(c annotate.Change, number int64, now time.Time) annotation {
	a := intake.Of(c, now)
	panel, _ := strconv.ParseInt(a.Panel, 10, 64) // 0 for none
	out := annotation{
		ID: number, DashboardUID: a.Dashboard, PanelID: panel, Created: c.Recorded.UnixMilli(), Updated: c.Updated.UnixMilli(),
		Time: a.Time.UnixMilli(), TimeEnd: a.End.UnixMilli(), Text: a.Text, Tags: a.Tags.Pairs(), Data: a.Data,
	}
	if out.Data == nil {
		out.Data = json.RawMessage("{}")
	}
	if c.Who != nil {
		out.Login = c.Who.Name
	}
	return out
}

// annotationQuery is what annotations are asked for by. As Grafana does, it lets
// parameters be that it does not know.
type annotationQuery struct {
	filter    annotate.Filter
	limit     int
	tags      intake.Tags
	matchAny  bool
	dashboard string
	panel     string
	none      bool // what is asked for is never here
}

func readAnnotationQuery(query url.Values) (annotationQuery, error) {
	number := func(name string, byDefault int64) (int64, error) {
		text := query.Get(name)
		if text == "" {
			return byDefault, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, faulty(Fault{Message: "must be a whole number", Location: "query." + name, Value: text})
		}
		return n, nil
	}
	q := annotationQuery{tags: query["tags"], dashboard: query.Get("dashboardUID"), panel: query.Get("panelId")}
	numbers := map[string]int64{}
	for name, byDefault := range map[string]int64{"from": 0, "to": 0, "limit": annotate.DefaultPage, "userId": 0, "alertId": 0, "panelId": 0, "dashboardId": 0} {
		n, err := number(name, byDefault)
		if err != nil {
			return q, err
		}
		numbers[name] = n
	}
	q.limit = int(min(numbers["limit"], annotate.MaxPage))
	if q.limit < 1 {
		q.limit = annotate.DefaultPage
	}
	if from, to := numbers["from"], numbers["to"]; from > 0 && to > 0 {
		q.filter.From, q.filter.To = annotate.At(time.UnixMilli(from)), annotate.At(time.UnixMilli(to))
		q.none = from > to
	}
	if numbers["panelId"] == 0 {
		q.panel = ""
	}
	if text := query.Get("matchAny"); text != "" {
		anyOf, err := strconv.ParseBool(text)
		if err != nil {
			return q, faulty(Fault{Message: "must be true or false", Location: "query.matchAny", Value: text})
		}
		q.matchAny = anyOf
	}
	// Changes are not Grafana's alerts, nor are they made by its users, nor on dashboards
	// that only it can number.
	q.none = q.none || query.Get("type") == "alert" || query.Get("alertUID") != "" || numbers["alertId"] > 0 || numbers["userId"] > 0 || numbers["dashboardId"] > 0
	return q, nil
}

func (s *Server) findAnnotations(c echo.Context) error {
	q, err := readAnnotationQuery(c.QueryParams())
	if err != nil {
		return asForeign(err)
	}
	found := []annotation{}
	if q.none {
		return c.JSON(http.StatusOK, found)
	}
	ctx, now := c.Request().Context(), time.Now()
	type ended struct {
		annotate.Change
		end annotate.Time
	}
	var matched []ended
	// By their ends, newest first, as Grafana does.
	order := func() {
		slices.SortStableFunc(matched, func(x, y ended) int { return y.end.Compare(x.end.Time) })
		matched = slices.Delete(matched, min(len(matched), q.limit), len(matched))
	}
	err = s.eachAnnotation(c, q.filter, func(change annotate.Change) {
		a := intake.Of(change, now)
		if !q.filter.From.IsZero() && (a.Time.After(q.filter.To.Time) || a.End.Before(q.filter.From.Time)) {
			return // the log has it as not ended
		}
		if (q.dashboard == "" || q.dashboard == a.Dashboard) && (q.panel == "" || q.panel == a.Panel) && a.Tags.Match(q.tags, q.matchAny) {
			matched = append(matched, ended{change, a.End})
		}
		if len(matched) > 2*q.limit+annotate.MaxPage {
			order()
		}
	})
	if err != nil {
		return asForeign(err)
	}
	order()
	changes := make([]annotate.Change, 0, q.limit)
	for _, m := range matched {
		changes = append(changes, m.Change)
	}
	numbers, err := s.numbersOf(ctx, changes)
	if err != nil {
		return asForeign(err)
	}
	for i, change := range changes {
		found = append(found, annotationOf(change, numbers[i], now))
	}
	return c.JSON(http.StatusOK, found)
}

func (s *Server) numbersOf(ctx context.Context, changes []annotate.Change) ([]int64, error) {
	ids := make([]string, len(changes))
	for i, change := range changes {
		ids[i] = change.ID
	}
	return s.opts.Changes.Numbers(ctx, ids)
}

// maxAnnotations is how many changes are looked at for one question, newest first:
// Grafana's order and its tags are no order of the log. maxFinds is how many such
// questions are answered at the same time.
const (
	maxAnnotations = 20_000
	maxFinds       = 4
)

// eachAnnotation calls fn for the changes that f selects and nobody deleted, and says in
// the answer's header Warning where there are more than it looks at.
func (s *Server) eachAnnotation(c echo.Context, f annotate.Filter, fn func(annotate.Change)) error {
	if !s.finds.enter() {
		return overloaded("the server looks for as many annotations as it may; try again shortly", time.Second)
	}
	defer s.finds.leave()
	list := annotate.List{Filter: f, Limit: annotate.MaxPage}
	for range maxAnnotations / annotate.MaxPage {
		page, err := s.opts.Changes.List(c.Request().Context(), list)
		if err != nil {
			return err
		}
		for _, change := range page.Changes {
			if !intake.IsDeleted(change) {
				fn(change)
			}
		}
		if page.Next == nil {
			return nil
		}
		list.Cursor = *page.Next
	}
	c.Response().Header().Set("Warning", fmt.Sprintf(`299 tidemark "only the newest %d changes were looked at; ask for a shorter time"`, maxAnnotations))
	return nil
}

// annotationTags answers how often each tag is used, as Grafana completes them.
func (s *Server) annotationTags(c echo.Context) error {
	q, err := readAnnotationQuery(c.QueryParams())
	if err != nil {
		return asForeign(err)
	}
	now, counts := time.Now(), map[string]int{}
	err = s.eachAnnotation(c, annotate.Filter{}, func(change annotate.Change) {
		for _, tag := range intake.Of(change, now).Tags.Pairs() {
			counts[tag]++
		}
	})
	if err != nil {
		return asForeign(err)
	}
	type counted struct {
		Tag   string `json:"tag"`
		Count int    `json:"count"`
	}
	tags, part := []counted{}, strings.ToLower(c.QueryParam("tag"))
	for tag, n := range counts {
		if strings.Contains(strings.ToLower(tag), part) {
			tags = append(tags, counted{tag, n})
		}
	}
	slices.SortFunc(tags, func(x, y counted) int { return cmp.Compare(x.Tag, y.Tag) })
	return c.JSON(http.StatusOK, map[string]any{"result": map[string]any{"tags": tags[:min(len(tags), q.limit)]}})
}

// annotationAt returns the change that a path names by its number.
func (s *Server) annotationAt(c echo.Context) (annotate.Change, int64, error) {
	missing := newProblem(http.StatusNotFound, "there is no annotation with this id")
	number, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return annotate.Change{}, 0, missing
	}
	change, err := s.opts.Changes.Numbered(c.Request().Context(), number)
	if annotate.CodeOf(err) == annotate.NotFound || err == nil && intake.IsDeleted(change) {
		return annotate.Change{}, 0, missing
	}
	return change, number, err
}

func (s *Server) getAnnotation(c echo.Context) error {
	change, number, err := s.annotationAt(c)
	if err != nil {
		return asForeign(err)
	}
	return c.JSON(http.StatusOK, annotationOf(change, number, time.Now()))
}

// ownAnnotation is annotationAt for what came as an annotation: what is recorded of a
// deploy is not altered by a form that knows nothing of deploys.
func (s *Server) ownAnnotation(c echo.Context) (annotate.Change, error) {
	change, _, err := s.annotationAt(c)
	if err == nil && !intake.IsAnnotation(change) {
		err = newProblem(http.StatusForbidden, fmt.Sprintf("this is a change that did not come as an annotation; correct it by PATCH %s/%s", changesPath, change.ID))
	}
	return change, err
}

// alterAnnotation answers message once an annotation says what the body says. What the
// body leaves out stays.
func (s *Server) alterAnnotation(message string) echo.HandlerFunc {
	return func(c echo.Context) error {
		post, err := s.readPost(c)
		if err != nil {
			return asForeign(err)
		}
		return s.amendAnnotation(c, message, func(change annotate.Change) (annotate.Patch, error) {
			return post.Alter(change, time.Now())
		})
	}
}

func (s *Server) deleteAnnotation(c echo.Context) error {
	by := exchangeOf(c.Request().Context()).who.Attribution()
	return s.amendAnnotation(c, "Annotation deleted", func(change annotate.Change) (annotate.Patch, error) {
		return intake.Delete(change, by, time.Now()), nil
	})
}

// amendAnnotation corrects the annotation of a path, and answers message. Where somebody
// else corrects it at the same time, it is corrected as they left it.
func (s *Server) amendAnnotation(c echo.Context, message string, correct func(annotate.Change) (annotate.Patch, error)) error {
	ctx := c.Request().Context()
	for {
		change, err := s.ownAnnotation(c)
		if err != nil {
			return asForeign(err)
		}
		patch, err := correct(change)
		if err != nil {
			return asForeign(err)
		}
		_, err = s.opts.Changes.Amend(ctx, exchangeOf(ctx).who.Attribution(), change.ID, patch)
		if annotate.CodeOf(err) == annotate.Conflict {
			if now, getErr := s.opts.Changes.Get(ctx, change.ID); getErr == nil && now.Revision != change.Revision {
				continue // each time, somebody else came through
			}
		}
		if err != nil {
			return asForeign(err)
		}
		return c.JSON(http.StatusOK, map[string]string{"message": message})
	}
}
