package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// Flag is a flag as the server tells it.
type Flag struct {
	flag.Flag
	// Shares are the percentages of those whom no targeting rule catches, now.
	Shares flag.Shares `json:"shares"`
	// Evaluated is when it was last asked for; nil where it was not since the
	// server started.
	Evaluated *annotate.Time `json:"evaluated,omitempty"`
	// KillTrigger says whether there is a URL that kills it.
	KillTrigger bool `json:"kill_trigger"`
}

// FlagQuery selects the flags of an environment; empty parts select all.
type FlagQuery struct {
	// Environment is the server's default one where it is empty.
	Environment, Service, Text string
}

// flagPage bounds how many flags one request asks for.
const flagPage = 1000

// Flags calls fn with the flags that q selects, by their keys, until fn fails.
func (c *Client) Flags(ctx context.Context, q FlagQuery, fn func(Flag) error) error {
	query := url.Values{"limit": {strconv.Itoa(flagPage)}}
	for name, value := range map[string]string{"environment": q.Environment, "service": q.Service, "q": q.Text} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for {
		var page struct {
			Flags []Flag  `json:"flags"`
			Next  *string `json:"next"`
		}
		if _, err := c.call(ctx, http.MethodGet, "flags", query, nil, &page); err != nil {
			return err
		}
		for _, f := range page.Flags {
			if err := fn(f); err != nil {
				return err
			}
		}
		if page.Next == nil || len(page.Flags) == 0 {
			return nil
		}
		query.Set("cursor", *page.Next)
	}
}

// FlagID names a flag; the environment is the server's default one where it is empty.
type FlagID struct{ Environment, Key string }

// path returns the path of the flag, or why its key can be none.
func (id FlagID) path(rest string) (string, error) {
	if err := flag.ValidateKey(id.Key); err != nil {
		return "", err
	}
	return "flags/" + url.PathEscape(id.Key) + rest, nil
}

func (id FlagID) query() url.Values {
	query := url.Values{}
	if id.Environment != "" {
		query.Set("environment", id.Environment)
	}
	return query
}

// Flag returns one flag.
func (c *Client) Flag(ctx context.Context, id FlagID) (f Flag, err error) {
	path, err := id.path("")
	if err != nil {
		return f, err
	}
	_, err = c.call(ctx, http.MethodGet, path, id.query(), nil, &f)
	return f, err
}

// FlagHistory returns up to limit revisions of a flag, newest first.
func (c *Client) FlagHistory(ctx context.Context, id FlagID, limit int) ([]control.Revision, error) {
	path, err := id.path("/history")
	if err != nil {
		return nil, err
	}
	query := id.query()
	query.Set("limit", strconv.Itoa(limit))
	var answer struct {
		Revisions []control.Revision `json:"revisions"`
	}
	_, err = c.call(ctx, http.MethodGet, path, query, nil, &answer)
	return answer.Revisions, err
}

// FlagFindings returns what is to be said about the flags of an environment.
func (c *Client) FlagFindings(ctx context.Context, environment string) ([]flag.Finding, error) {
	var answer struct {
		Findings []flag.Finding `json:"findings"`
	}
	_, err := c.call(ctx, http.MethodGet, "flag_findings", FlagID{Environment: environment}.query(), nil, &answer)
	return answer.Findings, err
}

// FlagChange is something to be done to a flag.
type FlagChange struct {
	FlagID
	// Method and Verb are the endpoint: POST and "/flip", PUT and "".
	Method, Verb string
	// Body is what it takes.
	Body map[string]any
}

// ChangeFlag does ch, and returns what became of it.
func (c *Client) ChangeFlag(ctx context.Context, ch FlagChange) (w control.Written, err error) {
	path, err := ch.path(ch.Verb)
	if err != nil {
		return w, err
	}
	_, err = c.call(ctx, ch.Method, path, ch.query(), ch.Body, &w)
	return w, err
}

// PreviewFlag returns what ch would do.
func (c *Client) PreviewFlag(ctx context.Context, ch FlagChange) (p control.Preview, err error) {
	path, err := ch.path(ch.Verb)
	if err != nil {
		return p, err
	}
	query := ch.query()
	query.Set("dry_run", "true")
	_, err = c.call(ctx, ch.Method, path, query, ch.Body, &p)
	return p, err
}

func reasonBody(reason string) map[string]any {
	if reason == "" {
		return map[string]any{}
	}
	return map[string]any{"reason": reason}
}

// RemoveKillTrigger takes a flag's kill trigger away.
func (c *Client) RemoveKillTrigger(ctx context.Context, id FlagID, reason string) error {
	path, err := id.path("/trigger")
	if err != nil {
		return err
	}
	_, err = c.call(ctx, http.MethodDelete, path, id.query(), reasonBody(reason), nil)
	return err
}

// RenewKillTrigger makes a flag's kill trigger, and returns its URL.
func (c *Client) RenewKillTrigger(ctx context.Context, id FlagID, reason string) (string, error) {
	var answer struct {
		Path string `json:"path"`
		URL  string `json:"url"`
	}
	path, err := id.path("/trigger")
	if err != nil {
		return "", err
	}
	if _, err := c.call(ctx, http.MethodPost, path, id.query(), reasonBody(reason), &answer); err != nil {
		return "", err
	}
	if answer.URL != "" {
		return answer.URL, nil
	}
	// The path has the server's own prefix, which the base URL may have too.
	return (&url.URL{Scheme: c.base.Scheme, Host: c.base.Host}).String() + answer.Path, nil
}
