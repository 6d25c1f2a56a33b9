package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tidemark/tidemark/annotate"
)

// logServer stands in for a server, so that a script can take it away and make
// it refuse. It begins stopped: it hangs up on whoever connects, for a port that
// is given back may be another's at once.
type logServer struct {
	mu      sync.Mutex
	running bool
	// status is answered to every request; 0 for a server that works.
	status  int
	changes []annotate.Change
	heard   []annotate.Report
}

type logServerKey struct{}

// newLogServer gives a script its own server, in TIDEMARK_SERVER.
func newLogServer(env *testscript.Env) {
	s := &logServer{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/changes", s.record)
	mux.HandleFunc("GET /api/v1/changes", s.list)
	mux.HandleFunc("GET /api/v1/changes/{id}", s.show)
	mux.HandleFunc("GET /api/v1/changes/{id}/revisions", s.revisions)
	mux.HandleFunc("PATCH /api/v1/changes/{id}", s.amend)
	mux.HandleFunc("GET /api/v1/changes/stream", s.stream)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case !s.running:
			panic(http.ErrAbortHandler)
		case s.status != 0:
			problem(w, s.status, "the script says "+strconv.Itoa(s.status)+"\x1b[2J")
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	env.Setenv("TIDEMARK_SERVER", server.URL)
	env.Values[logServerKey{}] = s
	env.Defer(server.Close)
}

// serverCmd is the scripts' command: server start|stop|STATUS.
func serverCmd(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := ts.Value(logServerKey{}).(*logServer)
	if neg || !ok || len(args) != 1 {
		ts.Fatalf("usage: server start|stop|STATUS")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch args[0] {
	case "start":
		s.running = true
	case "stop":
		s.running = false
	default:
		status, err := strconv.Atoi(args[0])
		ts.Check(err)
		s.status = status
	}
}

// reportsCmd writes the reports that the server heard, one a line: reports FILE.
func reportsCmd(ts *testscript.TestScript, neg bool, args []string) {
	s, ok := ts.Value(logServerKey{}).(*logServer)
	if neg || !ok || len(args) != 1 {
		ts.Fatalf("usage: reports FILE")
	}
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.heard {
		ts.Check(json.NewEncoder(file).Encode(r))
	}
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

func (s *logServer) record(w http.ResponseWriter, r *http.Request) {
	var report annotate.Report
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	s.heard = append(s.heard, report)
	for i, c := range s.changes {
		if c.Source == report.Source && c.ExternalID == report.ExternalID {
			s.changes[i] = report.Update(c, time.Now())
			_ = json.NewEncoder(w).Encode(s.changes[i])
			return
		}
	}
	c := report.New(time.Now())
	c.ID = fmt.Sprintf("00000000-0000-7000-8000-%012d", len(s.changes)+1)
	if err := c.Validate(time.Now()); err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	s.changes = append(s.changes, c)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(c)
}

func (s *logServer) list(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	page := annotate.Page{Changes: []annotate.Change{}}
	for i := len(s.changes) - 1 - from; i >= 0 && len(page.Changes) < min(limit, 2); i-- {
		page.Changes = append(page.Changes, s.changes[i])
	}
	if next := from + len(page.Changes); next < len(s.changes) {
		cursor := strconv.Itoa(next)
		page.Next = &cursor
	}
	_ = json.NewEncoder(w).Encode(page)
}

func (s *logServer) find(w http.ResponseWriter, r *http.Request) *annotate.Change {
	for i := range s.changes {
		if s.changes[i].ID == r.PathValue("id") {
			return &s.changes[i]
		}
	}
	problem(w, http.StatusNotFound, "there is no change with this id")
	return nil
}

func (s *logServer) show(w http.ResponseWriter, r *http.Request) {
	if c := s.find(w, r); c != nil {
		_ = json.NewEncoder(w).Encode(c)
	}
}

func (s *logServer) revisions(w http.ResponseWriter, r *http.Request) {
	if c := s.find(w, r); c != nil {
		_ = json.NewEncoder(w).Encode(map[string]any{"revisions": []annotate.Revision{{Revision: 1, By: "ci", Time: c.Start, Change: *c}}})
	}
}

func (s *logServer) amend(w http.ResponseWriter, r *http.Request) {
	c := s.find(w, r)
	if c == nil {
		return
	}
	var p annotate.Patch
	err := json.NewDecoder(r.Body).Decode(&p.Set)
	if err == nil {
		*c, err = p.Apply(*c, time.Now())
	}
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	_ = json.NewEncoder(w).Encode(c)
}

// stream sends what there is, and is then refused, so that a follower ends.
func (s *logServer) stream(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i, c := range s.changes {
		b, _ := json.Marshal(c)
		fmt.Fprintf(w, "id: %d\nevent: change\ndata: %s\n\n", i+1, b)
	}
	s.status = http.StatusForbidden
}
