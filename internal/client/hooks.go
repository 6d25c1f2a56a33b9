package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tidemark/tidemark/annotate/intake/hooks"
)

// Hooks returns how it stands with each webhook, by name.
func (c *Client) Hooks(ctx context.Context) ([]hooks.Status, error) {
	var out struct {
		Hooks []hooks.Status `json:"hooks"`
	}
	_, err := c.call(ctx, http.MethodGet, "hooks", nil, nil, &out)
	return out.Hooks, err
}

// Deliveries returns up to limit deliveries of a hook that were not understood, newest
// first and without their bodies: those before the one numbered before, or the newest
// where that is 0.
func (c *Client) Deliveries(ctx context.Context, hook string, before int64, limit int) ([]hooks.DeliveryView, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if before > 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	var out struct {
		Deliveries []hooks.DeliveryView `json:"deliveries"`
	}
	_, err := c.call(ctx, http.MethodGet, "hooks/"+url.PathEscape(hook)+"/deliveries", query, nil, &out)
	return out.Deliveries, err
}

// Delivery returns one of them, with its body.
func (c *Client) Delivery(ctx context.Context, hook string, id int64) (d hooks.DeliveryView, err error) {
	_, err = c.call(ctx, http.MethodGet, deliveryPath(hook, id), nil, nil, &d)
	return d, err
}

// Replay has one of them read again, as the hook is set up now.
func (c *Client) Replay(ctx context.Context, hook string, id int64) (r hooks.ReceiptView, err error) {
	_, err = c.call(ctx, http.MethodPost, deliveryPath(hook, id)+"/replay", nil, nil, &r)
	return r, err
}

// DropDelivery lets go of one of them.
func (c *Client) DropDelivery(ctx context.Context, hook string, id int64) error {
	_, err := c.call(ctx, http.MethodDelete, deliveryPath(hook, id), nil, nil, nil)
	return err
}

func deliveryPath(hook string, id int64) string {
	return "hooks/" + url.PathEscape(hook) + "/deliveries/" + strconv.FormatInt(id, 10)
}
