package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// HoldRequest asks for a hold on deploys.
type HoldRequest struct {
	// Service and Environment are what to hold; empty for all.
	Service     string `json:"service,omitempty"`
	Environment string `json:"environment,omitempty"`
	Reason      string `json:"reason"`
	// For is how long it lasts, as a Prometheus duration; Until, in its place, when it
	// ends by itself.
	For   string        `json:"for,omitempty"`
	Until annotate.Time `json:"until,omitzero"`
	// Who holds it; empty for whoever the token names.
	Who string `json:"who,omitempty"`
}

// Hold makes a hold.
func (c *Client) Hold(ctx context.Context, r HoldRequest) (deploy.Hold, error) {
	var h deploy.Hold
	_, err := c.call(ctx, http.MethodPost, "holds", nil, r, &h)
	return h, err
}

// Holds returns the holds that have not ended, oldest first.
func (c *Client) Holds(ctx context.Context) ([]deploy.Hold, error) {
	var list struct {
		Holds []deploy.Hold `json:"holds"`
	}
	_, err := c.call(ctx, http.MethodGet, "holds", nil, nil, &list)
	return list.Holds, err
}

// Release ends a hold now. The reason, and who does it, may be empty.
func (c *Client) Release(ctx context.Context, id, reason, who string) (deploy.Hold, error) {
	var h deploy.Hold
	_, err := c.call(ctx, http.MethodDelete, "holds/"+url.PathEscape(id), nil, saying(reason, who), &h)
	return h, err
}

// Obstacles returns what keeps a deploy from beginning.
func (c *Client) Obstacles(ctx context.Context, id deploy.ID) ([]deploy.Obstacle, error) {
	query := url.Values{}
	for name, value := range map[string]string{"service": id.Service, "environment": id.Environment} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var check struct {
		Obstacles []deploy.Obstacle `json:"obstacles"`
	}
	_, err := c.call(ctx, http.MethodGet, "can_deploy", query, nil, &check)
	return check.Obstacles, err
}
