package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

// patience is how often in a row a run must be missing until it is lost: what was
// begun just now may not be seen everywhere yet.
const patience = 3

// errMissing is in the chain of an error that says that the run is not there.
var errMissing = errors.New("it is not there any more")

// memory is what a driver remembers of a run in its folder, so that whoever follows
// it after a restart goes on where the log ended.
type memory struct {
	path    string
	changed bool

	// Said is what the log says of each part of the run.
	Said map[string]string `json:"said,omitempty"`
	// Offset is how much of its output is in the log.
	Offset int64 `json:"offset,omitempty"`
	// Degraded is how often in a row an application was.
	Degraded int `json:"degraded,omitempty"`
	// Followed says that an HTTP endpoint was to tell how it goes.
	Followed bool `json:"followed,omitempty"`
	// Build is the number of Jenkins' build.
	Build int64 `json:"build,omitempty"`
	// Answer is the status with which an HTTP endpoint took it, and Watch the URL
	// where it says how it goes.
	Answer string `json:"answer,omitempty"`
	Watch  string `json:"watch,omitempty"`
}

// recall reads what is remembered. What cannot be read is forgotten: lines that are
// written again are better than a run that nobody follows.
func recall(folder string) *memory {
	m := &memory{}
	path := filepath.Join(folder, "remote.json")
	if text, err := os.ReadFile(path); err != nil || json.Unmarshal(text, m) != nil {
		m = &memory{}
	}
	m.path = path
	if m.Said == nil {
		m.Said = map[string]string{}
	}
	return m
}

// is reports whether the state of a part is news, and remembers it.
func (m *memory) is(part, state string) bool {
	if m.Said[part] == state {
		return false
	}
	m.Said[part] = state
	m.changed = true
	return true
}

// keep writes what is remembered, in one piece.
func (m *memory) keep() error {
	if !m.changed {
		return nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("remembering a deploy: %w", err)
	}
	part := m.path + ".new"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return fmt.Errorf("remembering a deploy: %w", err)
	}
	if err := os.Rename(part, m.path); err != nil {
		return fmt.Errorf("remembering a deploy: %w", err)
	}
	m.changed = false
	return nil
}

// following is a run that is followed.
type following struct {
	*session
	job    Job
	log    *runlog.Writer
	memory *memory
}

// news writes a line, unless the log has it of this part already.
func (f *following) news(part, state, format string, args ...any) {
	if f.memory.is(part, state) {
		f.log.Printf(format, args...)
	}
}

// link writes where people see the run.
func (f *following) link(page string) {
	if page != "" {
		f.news("link", page, "%s", page)
	}
}

// look looks at a run once: over is true where it ended. A *refusal and errMissing in
// the chain of its error mean what they say.
type look func(ctx context.Context, f *following) (outcome deploy.Outcome, over bool, err error)

// follow looks until the run ended.
func (s *session) follow(ctx context.Context, job Job, look look) (outcome deploy.Outcome, err error) {
	token, err := s.from.Read()
	if err != nil {
		return deploy.Outcome{}, err
	}
	log, err := job.Log.Append(token)
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	s.token, s.onToken = token, func(token string) { log.Mask(token) }
	f := &following{session: s, job: job, log: log, memory: recall(job.Folder)}
	for missing := 0; ; {
		outcome, over, err := look(ctx, f)
		if kept := f.memory.keep(); kept != nil {
			return deploy.Outcome{}, errors.Join(err, kept)
		}
		wait := s.interval()
		var refused *refusal
		switch {
		case err == nil && over:
			return outcome, nil
		case err == nil:
			missing = 0
		case errors.As(err, &refused) && refused.limited:
			wait = max(wait, refused.again)
		case errors.Is(err, errMissing):
			if missing++; missing >= patience {
				return deploy.Outcome{Status: annotate.Lost, Text: shorten(err.Error(), s.token)}, nil
			}
		default:
			return deploy.Outcome{}, err
		}
		if err := s.wait(ctx, wait); err != nil {
			return deploy.Outcome{}, err
		}
	}
}

// gone makes errMissing of a server's answer that something is not there.
func gone(err error) error {
	var refused *refusal
	if errors.As(err, &refused) && refused.gone() {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	return err
}

// missing makes errMissing of a server's answer that the run is not there, unless
// not even its place, such as its project, can be seen: then it is the right to see
// it that is missing, and servers say the same for that.
func (s *session) missing(ctx context.Context, err error, place string) error {
	lost := gone(err)
	if !errors.Is(lost, errMissing) {
		return err
	}
	if _, seen := s.get(ctx, call{url: place, cut: true}); seen != nil {
		return fmt.Errorf("%w; nor can be seen where it should be: %w", err, seen)
	}
	return lost
}

// logOf writes the log of a job that ended, once. A log that the server refuses does
// not keep the run from being followed.
func (f *following) logOf(ctx context.Context, id, name, where string) error {
	part := "log " + id
	if f.memory.Said[part] != "" {
		return nil
	}
	_, err := f.copyText(ctx, where, "\n--- "+name+" ---\n", true)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && !refused.limited && refused.status < http.StatusInternalServerError:
		f.log.Printf("%s: its log cannot be had: %s", name, refused)
	case err != nil:
		return err
	}
	f.memory.is(part, "written")
	return nil
}

// copyText writes a text to the log under a title, as soon as it is there as a whole:
// one that breaks off would be there twice once it was asked for again. The last line
// of a whole one is ended.
func (f *following) copyText(ctx context.Context, where, title string, whole bool) (http.Header, error) {
	file, err := os.CreateTemp(f.job.Folder, "text-*")
	if err != nil {
		return nil, fmt.Errorf("keeping the log of a deploy: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	header, err := f.text(ctx, where, file)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("keeping the log of a deploy: %w", err)
	}
	fmt.Fprint(f.log, title)
	last := lastByte{'\n'}
	if _, err := io.Copy(f.log, io.TeeReader(file, &last)); err != nil {
		return nil, fmt.Errorf("keeping the log of a deploy: %w", err)
	}
	if whole && last.b != '\n' {
		fmt.Fprintln(f.log)
	}
	return header, nil
}

// lastByte keeps the last byte that is written to it.
type lastByte struct{ b byte }

// Write implements io.Writer.
func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.b = p[len(p)-1]
	}
	return len(p), nil
}

// phrase is the parts that there are, with colons between them.
func phrase(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}
