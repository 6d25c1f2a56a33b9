package datasource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
)

// The endpoints by which a server is known.
const (
	lastEndpoint      = "/api/v1/changes/last"
	marksEndpoint     = "/api/v1/changes/marks"
	buildInfoEndpoint = "/api/v1/status/buildinfo"
	queryEndpoint     = "/api/v1/query"
)

// inspectWithin bounds each request of an inspection: somebody waits for it
// before a form.
const inspectWithin = 10 * time.Second

// found is what an inspection of the server found.
type found struct {
	Version string `json:"version"`
	// Jobs is how many jobs have a target that is up.
	Jobs int `json:"jobs"`
	// Changes is how many changes have begun so far.
	Changes int `json:"changes"`
	// Last is the headline of the newest of them; empty for none.
	Last string `json:"last,omitempty"`
}

// inspection asks a server what it is.
type inspection struct{ client *tidemark.Client }

// inspect says what the server is, or in one sentence what is wrong.
func (d *DataSource) inspect(ctx context.Context) (found, error) {
	in := inspection{d.client.Within(inspectWithin)}
	var (
		f   found
		err error
	)
	if f.Last, err = in.last(ctx); err != nil {
		return f, in.explain(ctx, err)
	}
	if err = in.knowsMarks(ctx); err != nil {
		return f, err
	}
	if f.Version, err = in.version(ctx); err != nil {
		return f, starting(err)
	}
	if f.Jobs, err = in.count(ctx, "count(count by (job) (up == 1))"); err != nil {
		return f, starting(err)
	}
	f.Changes, err = in.count(ctx, "sum(tidemark_changes_total)")
	if tidemark.StatusOf(err) == http.StatusUnprocessableEntity {
		// Many services in many environments are more series than a selector
		// may have. The log itself can count, but looks at each change for it,
		// so that it is not asked first.
		f.Changes, err = in.marked(ctx, time.Unix(0, 0))
	}
	return f, starting(err)
}

// last asks for the newest change, which only a Tidemark can answer.
func (in inspection) last(ctx context.Context) (string, error) {
	var answer struct {
		Changes *[]struct {
			Headline string `json:"headline"`
		} `json:"changes"`
	}
	if err := in.client.Get(ctx, lastEndpoint, nil, &answer); err != nil {
		return "", err
	}
	if answer.Changes == nil {
		return "", tidemark.ErrForeign
	}
	if len(*answer.Changes) == 0 {
		return "", nil
	}
	return (*answer.Changes)[0].Headline, nil
}

// knowsMarks says whether the server can answer what every panel asks, and as
// it asks.
func (in inspection) knowsMarks(ctx context.Context) error {
	_, err := in.marked(ctx, time.Now().Add(-time.Minute))
	switch tidemark.StatusOf(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusUnprocessableEntity:
	default:
		return err
	}
	version, unknown := in.version(ctx)
	if unknown != nil {
		version = "of an unknown version"
	}
	return fmt.Errorf("the server is a Tidemark %s, which is too old for this data source: it does not answer POST %s; upgrade the server", version, marksEndpoint)
}

// marked asks how many changes there are since from.
func (in inspection) marked(ctx context.Context, from time.Time) (int, error) {
	var answer struct {
		Total int `json:"total"`
	}
	err := in.client.Post(ctx, marksEndpoint, url.Values{
		"from": {from.UTC().Format(time.RFC3339)}, "to": {time.Now().UTC().Format(time.RFC3339)}, "limit": {"1"},
	}, &answer)
	return answer.Total, err
}

func (in inspection) version(ctx context.Context) (string, error) {
	var answer struct {
		Data struct {
			Version string `json:"version"`
		} `json:"data"`
	}
	err := in.client.Get(ctx, buildInfoEndpoint, nil, &answer)
	return answer.Data.Version, err
}

// count asks for one number; an answer with none counts as 0.
func (in inspection) count(ctx context.Context, expr string) (int, error) {
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := in.client.Get(ctx, queryEndpoint, url.Values{"query": {expr}}, &answer); err != nil {
		return 0, err
	}
	if len(answer.Data.Result) == 0 {
		return 0, nil
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, backend.DownstreamErrorf("%w: it answers %s with %q", tidemark.ErrForeign, expr, text)
	}
	return int(n), nil
}

// explain says what is at the other end if it is no Tidemark.
func (in inspection) explain(ctx context.Context, err error) error {
	status := tidemark.StatusOf(err)
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed && !errors.Is(err, tidemark.ErrForeign) {
		return err
	}
	if version, err := in.version(ctx); err == nil && version != "" {
		return fmt.Errorf("%s is a Prometheus %s and not a Tidemark: it has no change log; use Grafana's Prometheus data source for it, or set the URL of a Tidemark",
			in.client.URL(), version)
	}
	return fmt.Errorf("there is no Tidemark at %s: something else answers there; check the host, the port and the path of the URL", in.client.URL())
}

// starting says that a server which is not ready yet will be.
func starting(err error) error {
	if tidemark.StatusOf(err) == http.StatusServiceUnavailable {
		return fmt.Errorf("the server is a Tidemark that is not ready yet; try again in a moment: %w", err)
	}
	return err
}
