package driver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

type jenkinsItem struct {
	Cancelled  bool   `json:"cancelled"`
	Why        string `json:"why"`
	Executable struct {
		Number int64 `json:"number"`
	} `json:"executable"`
}

// waiting is an item of the queue. Jenkins forgets it some minutes after it left the
// queue; then its build knows it.
func (j *Jenkins) waiting(ctx context.Context, s *session, item int64) (jenkinsItem, error) {
	var found jenkinsItem
	_, err := s.json(ctx, fmt.Sprintf("%s/queue/item/%d/api/json?tree=%s", j.root(), item, url.QueryEscape("cancelled,why,executable[number]")), &found)
	var refused *refusal
	if !errors.As(err, &refused) || !refused.gone() {
		return found, err
	}
	object, asked := j.ask(ctx, s, fmt.Sprintf("builds[number,queueId]{0,%d}", jenkinsBuilds))
	if asked != nil {
		return found, err
	}
	for _, build := range object.Builds {
		if build.Queue == item {
			found.Executable.Number = build.Number
			return found, nil
		}
	}
	return found, err
}

// look asks for the build before its console: where it has ended, that has too.
func (j *Jenkins) look(ctx context.Context, f *following, number int64) (none deploy.Outcome, over bool, err error) {
	f.link(j.build(number) + "/")
	var build struct {
		Building bool   `json:"building"`
		Result   string `json:"result"`
	}
	if _, err := f.json(ctx, j.build(number)+"/api/json?tree=building,result", &build); err != nil {
		return none, false, f.missing(ctx, err, j.job()+"/api/json?tree=buildable")
	}
	ended := !build.Building && build.Result != ""
	if err := j.console(ctx, f, number, ended); err != nil {
		return none, false, err
	}
	if !ended {
		return none, false, nil
	}
	return jenkinsOutcome(build.Result), true, nil
}

// console writes what is new of the console; all of it, once the build has ended.
func (j *Jenkins) console(ctx context.Context, f *following, number int64, ended bool) error {
	const pieces = 1000
	for range pieces {
		header, err := f.copyText(ctx, fmt.Sprintf("%s/logText/progressiveText?start=%d", j.build(number), f.memory.Offset), "", false)
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(header.Get("X-Text-Size"), 10, 64)
		grown := err == nil && size > f.memory.Offset
		if grown {
			f.memory.Offset, f.memory.changed = size, true
			if err := f.memory.keep(); err != nil {
				return err
			}
		}
		if !ended || !grown || header.Get("X-More-Data") != "true" {
			return nil
		}
	}
	return nil
}

// jenkinsOutcome is how a build ended. One that is unstable did not do all that it
// should: that is no deploy to rely on.
func jenkinsOutcome(result string) deploy.Outcome {
	status := annotate.Failed
	switch result {
	case "SUCCESS":
		status = annotate.Succeeded
	case "ABORTED":
		status = annotate.Cancelled
	}
	return deploy.Outcome{Status: status, Text: "the build ended as " + strings.ToLower(spaced(shorten(result, "")))}
}

// Cancel implements Driver. What waits in the queue is taken out of it, and a build
// is stopped.
func (j *Jenkins) Cancel(ctx context.Context, job Job) error {
	item, build, err := j.begun(job)
	if err != nil {
		return err
	}
	s, err := j.open()
	if err != nil {
		return err
	}
	defer s.close()
	if build == 0 {
		build = recall(job.Folder).Build
	}
	if build == 0 {
		if build, err = j.unqueue(ctx, s, item); build == 0 || err != nil {
			return err
		}
	}
	return s.order(ctx, call{method: http.MethodPost, url: j.build(build) + "/stop"}, http.StatusFound, http.StatusSeeOther)
}

// unqueue takes an item out of the queue, or returns the build that it has become.
func (j *Jenkins) unqueue(ctx context.Context, s *session, item int64) (build int64, err error) {
	for range 3 {
		found, err := j.waiting(ctx, s, item)
		var refused *refusal
		switch {
		case errors.As(err, &refused) && refused.gone():
			return 0, nil // Follow tells what became of it
		case err != nil:
			return 0, fmt.Errorf("cancelling: %w", err)
		case found.Cancelled || found.Executable.Number > 0:
			return found.Executable.Number, nil
		}
		// Some versions answer 404 although they did it, so that it is looked at again.
		where := fmt.Sprintf("%s/queue/cancelItem?id=%d", j.root(), item)
		err = s.order(ctx, call{method: http.MethodPost, url: where}, http.StatusFound, http.StatusSeeOther, http.StatusNotFound)
		if err != nil {
			return 0, err
		}
	}
	return 0, errors.New("cancelling: it is in the queue still")
}
