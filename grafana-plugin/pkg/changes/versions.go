package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// versionSeries is 1 for the version that runs of a service.
const versionSeries = "tidemark_version_info"

// versionTimeline answers with the versions that ran, a frame for each service
// in each environment.
func (l *Log) versionTimeline(ctx context.Context, q query) (data.Frames, error) {
	lines := newTimelines(q.span)
	var notices []data.Notice
	if q.Filter.byGroup() { // a series does not know who deployed it
		states, warnings, err := l.versionsAt(ctx, q)
		if err != nil {
			return nil, err
		}
		notices = append(notices, warnings...)
		for _, s := range states {
			lines.begin(track{service: s["service"], environment: s["environment"]}, s["version"])
		}
	}
	q.Filter.Kinds, q.Filter.Statuses = []string{deploy}, []string{succeeded}
	found, cut, err := l.listed(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range found {
		// A version runs from the end of its deploy on.
		if c := &found[i]; c.End != nil {
			lines.add(track{service: c.Service, environment: c.Environment}, *c.End, c.PreviousVersion, c.Version)
		}
	}
	return l.timelineFrames(lines, q, append(notices, cut...)), nil
}

// timelineFrames returns the frames of lines with what is to be said of them.
func (l *Log) timelineFrames(lines *timelines, q query, notices []data.Notice) data.Frames {
	frames, omitted := lines.frames(q.Limit)
	if omitted > 0 {
		notices = append(notices, data.Notice{
			Severity: data.NoticeSeverityWarning,
			Text:     fmt.Sprintf("%d timelines are shown, %d more are not. Narrow the selection.", len(frames), omitted),
		})
	}
	if len(frames) == 0 {
		if len(notices) == 0 {
			return nil
		}
		frames = data.Frames{data.NewFrame("timeline")}
	}
	frames[0].AppendNotices(notices...)
	return frames
}

// instant is the answer of Prometheus' API to an instant query.
type instant struct {
	Warnings []string `json:"warnings"`
	Data     struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  json.RawMessage   `json:"value"`
		} `json:"result"`
	} `json:"data"`
}

// versionsAt returns the labels of the versions that ran when q's time range
// begins.
func (l *Log) versionsAt(ctx context.Context, q query) ([]map[string]string, []data.Notice, error) {
	answer, err := post[instant](ctx, l.server, queryEndpoint, url.Values{
		"query": {versionSeries + matchersOf(q.Filter)},
		"time":  {strconv.FormatFloat(float64(q.span.from.UnixMilli())/1000, 'f', 3, 64)},
	})
	if err != nil {
		return nil, nil, err
	}
	var notices []data.Notice
	for _, warning := range answer.Warnings {
		notices = append(notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: warning})
	}
	states := make([]map[string]string, len(answer.Data.Result))
	for i, r := range answer.Data.Result {
		states[i] = r.Metric
	}
	return states, notices, nil
}

// matchersOf writes f's services and environments as matchers of a selector.
func matchersOf(f Filter) string {
	var matchers []string
	for _, m := range []struct {
		label  string
		values []string
	}{{"service", f.Services}, {"environment", f.Environments}} {
		var alternatives []string
		for _, v := range m.values {
			if v != "" {
				alternatives = append(alternatives, regexp.QuoteMeta(v))
			}
		}
		if len(alternatives) > 0 {
			matchers = append(matchers, m.label+"=~"+strconv.Quote(strings.Join(alternatives, "|")))
		}
	}
	if len(matchers) == 0 {
		return ""
	}
	return "{" + strings.Join(matchers, ",") + "}"
}
