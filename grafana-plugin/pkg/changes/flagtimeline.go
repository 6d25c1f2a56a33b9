package changes

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// flagTimeline answers with the values of flags, a frame for each flag in each
// place.
func (l *Log) flagTimeline(ctx context.Context, q query) (data.Frames, error) {
	if len(q.Filter.Kinds) == 0 {
		q.Filter.Kinds = []string{flagFlip}
	}
	q.Filter = q.Filter.effective()
	initial, err := l.flagStates(ctx, q.Filter.at(q.span.from))
	if err != nil {
		return nil, err
	}
	found, cut, err := l.listed(ctx, q)
	if err != nil {
		return nil, err
	}
	lines := newTimelines(q.span)
	for i := range initial.Changes {
		lines.begin(initial.Changes[i].track(), string(initial.Changes[i].Flag.To))
	}
	for i := range found {
		if c := &found[i]; c.Flag != nil {
			lines.add(c.track(), c.Start, string(c.Flag.From), string(c.Flag.To))
		}
	}
	return l.timelineFrames(lines, q, append(initial.cut(len(initial.Changes)), cut...)), nil
}

// track is the timeline of c's flag.
func (c *Change) track() track {
	return track{flag: c.Flag.Key, service: c.Service, environment: c.Environment}
}
