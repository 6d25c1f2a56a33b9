package promapi

import (
	"context"
	"maps"
	"net/http"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	webapi "github.com/prometheus/prometheus/web/api/v1"
)

// described adds the metadata of the series that no target exposes. The API
// knows metadata only by target, so the metadata endpoints are shown one more
// target, which no other endpoint sees.
type described struct {
	Targets
	extra *scrape.Target
}

// describedJob is the job and instance under which that target appears in
// /targets/metadata.
const describedJob = "tidemark_changes"

type metadataRequest struct{}

func newDescribed(targets Targets, metadata []scrape.MetricMetadata) *described {
	name := labels.FromStrings(model.JobLabel, describedJob, model.InstanceLabel, describedJob)
	target := scrape.NewTarget(name, &config.ScrapeConfig{}, model.LabelSet{}, model.LabelSet{})
	target.SetMetadataStore(fixedMetadata(metadata))
	return &described{Targets: targets, extra: target}
}

// mark notes in the request's context whether it asks for metadata.
func (d *described) mark(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metadata" || r.URL.Path == "/targets/metadata" {
			r = r.WithContext(context.WithValue(r.Context(), metadataRequest{}, true))
		}
		next.ServeHTTP(w, r)
	})
}

// forRequest returns the targets that the request with context ctx is to see.
func (d *described) forRequest(ctx context.Context) webapi.TargetRetriever {
	if ctx.Value(metadataRequest{}) != nil {
		return d
	}
	return d.Targets
}

// TargetsActive implements webapi.TargetRetriever.
func (d *described) TargetsActive() map[string][]*scrape.Target {
	active := maps.Clone(d.Targets.TargetsActive())
	if active == nil {
		active = map[string][]*scrape.Target{}
	}
	active[describedJob] = append(active[describedJob], d.extra)
	return active
}

// fixedMetadata is metadata that no scrape changes.
type fixedMetadata []scrape.MetricMetadata

var _ scrape.MetricMetadataStore = fixedMetadata(nil)

// ListMetadata implements scrape.MetricMetadataStore.
func (m fixedMetadata) ListMetadata() []scrape.MetricMetadata { return m }

// GetMetadata implements scrape.MetricMetadataStore.
func (m fixedMetadata) GetMetadata(family string) (scrape.MetricMetadata, bool) {
	for _, md := range m {
		if md.MetricFamily == family {
			return md, true
		}
	}
	return scrape.MetricMetadata{}, false
}

// SizeMetadata implements scrape.MetricMetadataStore.
func (m fixedMetadata) SizeMetadata() int {
	size := 0
	for _, md := range m {
		size += len(md.MetricFamily) + len(md.Type) + len(md.Help) + len(md.Unit)
	}
	return size
}

// LengthMetadata implements scrape.MetricMetadataStore.
func (m fixedMetadata) LengthMetadata() int { return len(m) }
