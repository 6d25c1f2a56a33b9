package driver

import (
	"context"
	"fmt"
	"strconv"
)

type githubJob struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Steps      []struct {
		Name       string `json:"name"`
		Number     int    `json:"number"`
		Status     string `json:"status"`
		Conclusion string `json:"conclusion"`
	} `json:"steps"`
}

// jobs writes what is new of the jobs of the run, and the logs of those that ended.
func (g *GitHub) jobs(ctx context.Context, f *following) error {
	const perPage, pages = 50, 10
	for page := 1; page <= pages; page++ {
		var list struct {
			Jobs []githubJob `json:"jobs"`
		}
		where := fmt.Sprintf("%s/jobs?filter=latest&per_page=%d&page=%d", g.run(f.job), perPage, page)
		if _, err := f.json(ctx, where, &list); err != nil {
			return err
		}
		for _, job := range list.Jobs {
			if err := g.job(ctx, f, job); err != nil {
				return err
			}
		}
		if len(list.Jobs) < perPage {
			break
		}
	}
	return nil
}

func (g *GitHub) job(ctx context.Context, f *following, job githubJob) error {
	for _, step := range job.Steps {
		if state := either(step.Conclusion, step.Status); state != "queued" && state != "pending" {
			f.news(fmt.Sprintf("job %d step %d", job.ID, step.Number), state, "%s / %s: %s", job.Name, step.Name, spaced(state))
		}
	}
	state := either(job.Conclusion, job.Status)
	f.news(fmt.Sprintf("job %d", job.ID), state, "%s: %s", job.Name, spaced(state))
	if job.Status != "completed" || job.Conclusion == "skipped" {
		return nil
	}
	return f.logOf(ctx, strconv.FormatInt(job.ID, 10), job.Name, fmt.Sprintf("%s/jobs/%d/logs", g.actions(), job.ID))
}

func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}
