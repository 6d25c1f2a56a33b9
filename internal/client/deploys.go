package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tidemark/tidemark/annotate/deploy/control"
)

// DeploySaying is what is said with a deploy and with a rollback.
type DeploySaying struct {
	Parameters map[string]string `json:"parameters,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	// Who deploys; empty for whoever the token names.
	Who string `json:"who,omitempty"`
	// ExternalID is the caller's own id for it: asked for twice, it is deployed once.
	ExternalID string `json:"external_id,omitempty"`
	// IfHeld is fail or wait; empty for fail.
	IfHeld string `json:"if_held,omitempty"`
	// Override are the ids of the holds, and the names of the freezes, to pass.
	Override []string `json:"override,omitempty"`
}

// DeployRequest asks for a deploy.
type DeployRequest struct {
	Service string `json:"service"`
	// Environment may be empty where the service can be deployed to only one.
	Environment string `json:"environment,omitempty"`
	Version     string `json:"version"`
	DeploySaying
}

// Deploy asks for a deploy.
func (c *Client) Deploy(ctx context.Context, r DeployRequest) (control.View, error) {
	var v control.View
	_, err := c.call(ctx, http.MethodPost, "deploys", nil, r, &v)
	return v, err
}

// Rollback asks for the last good version before the deploy with the id.
func (c *Client) Rollback(ctx context.Context, id string, s DeploySaying) (control.View, error) {
	var v control.View
	_, err := c.call(ctx, http.MethodPost, "deploys/"+url.PathEscape(id)+"/rollback", nil, s, &v)
	return v, err
}

// CancelDeploy ends a deploy that waits, and asks one that runs to end. The reason, and
// who does it, may be empty.
func (c *Client) CancelDeploy(ctx context.Context, id, reason, who string) (control.View, error) {
	var v control.View
	_, err := c.call(ctx, http.MethodPost, "deploys/"+url.PathEscape(id)+"/cancel", nil, saying(reason, who), &v)
	return v, err
}

// saying is the body of a request that says why, and who.
func saying(reason, who string) map[string]string {
	body := map[string]string{}
	if reason != "" {
		body["reason"] = reason
	}
	if who != "" {
		body["who"] = who
	}
	return body
}

// GetDeploy returns how it stands with a deploy.
func (c *Client) GetDeploy(ctx context.Context, id string) (control.View, error) {
	var v control.View
	_, err := c.call(ctx, http.MethodGet, "deploys/"+url.PathEscape(id), nil, nil, &v)
	return v, err
}

// Deploys returns the deploys that are selected, newest first, up to limit.
func (c *Client) Deploys(ctx context.Context, s control.Selection, limit int) ([]control.View, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range map[string]string{"service": s.Service, "environment": s.Environment, "status": string(s.Status)} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var list struct {
		Deploys []control.View `json:"deploys"`
	}
	_, err := c.call(ctx, http.MethodGet, "deploys", query, nil, &list)
	return list.Deploys, err
}

// DeployTargets returns what can be deployed where.
func (c *Client) DeployTargets(ctx context.Context) ([]control.TargetView, error) {
	var list struct {
		Targets []control.TargetView `json:"targets"`
	}
	_, err := c.call(ctx, http.MethodGet, "deploys/targets", nil, nil, &list)
	return list.Targets, err
}

// DeployLog copies the log of a deploy, as far as it is, to w.
func (c *Client) DeployLog(ctx context.Context, id string, w io.Writer) error {
	req, err := c.request(ctx, http.MethodGet, c.url("deploys/"+url.PathEscape(id)+"/log", nil), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return readProblem(resp)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}

// DeployFollower follows a deploy.
type DeployFollower struct {
	Client *Client
	ID     string
	// Log gets what the deploy prints, and State how it stands whenever it stands
	// otherwise; nil for nobody.
	Log   io.Writer
	State func(control.View)
	// Broken is told why the stream broke, and how long it waits before it connects
	// again; nil for nobody.
	Broken func(err error, wait time.Duration)
}

// errEnded ends a stream whose deploy has ended.
var errEnded = errors.New("the deploy has ended")

// Run follows the deploy until it has ended, and returns it as it ended. Where the
// stream breaks it connects again. It returns the error of Log, the server's where it
// refuses, or ctx's.
func (f *DeployFollower) Run(ctx context.Context) (control.View, error) {
	var last control.View
	s := stream{
		client: f.Client, path: "deploys/" + f.ID + "/log/stream", broken: f.Broken,
		handle: func(event sseEvent) error {
			switch event.Type {
			case "log":
				var piece struct {
					Text string `json:"text"`
				}
				if err := json.Unmarshal([]byte(event.Data), &piece); err != nil {
					return fmt.Errorf("read the log of the deploy: %w", err)
				}
				if f.Log == nil {
					return nil
				}
				_, err := io.WriteString(f.Log, piece.Text)
				return err
			case "deploy":
				last = control.View{}
				if err := json.Unmarshal([]byte(event.Data), &last); err != nil {
					return fmt.Errorf("read how the deploy stands: %w", err)
				}
				if f.State != nil {
					f.State(last)
				}
				if last.Status.Ended() {
					return errEnded
				}
			}
			return nil
		},
	}
	err := s.run(ctx)
	if errors.Is(err, errEnded) {
		err = nil
	}
	return last, err
}
