package changes

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// maxTimelines is how many timelines one panel can show: more rows are
// narrower than their text.
const maxTimelines = 200

// track is what one timeline is about: a service in an environment, or a flag
// there.
type track struct{ flag, service, environment string }

// name is what a panel writes beside the timeline.
func (t track) name() string {
	var parts []string
	for _, part := range []string{t.flag, t.service, t.environment} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "everywhere"
	}
	return strings.Join(parts, " ")
}

func (t track) labels() data.Labels {
	labels := data.Labels{}
	for name, value := range map[string]string{"flag": t.flag, "service": t.service, "environment": t.environment} {
		if value != "" {
			labels[name] = value
		}
	}
	return labels
}

func (t track) compare(other track) int {
	return cmp.Or(cmp.Compare(t.flag, other.flag), cmp.Compare(t.service, other.service), cmp.Compare(t.environment, other.environment))
}

// turn is a time from which on a value holds.
type turn struct {
	at            time.Time
	before, value string
}

// timelines collects the values of tracks during a span.
type timelines struct {
	span   span
	tracks map[track]*states
}

// states are those of one track.
type states struct {
	initial string // when the span begins; empty where nobody knows
	turns   []turn
}

func newTimelines(s span) *timelines { return &timelines{span: s, tracks: make(map[track]*states)} }

func (t *timelines) of(tr track) *states {
	s, ok := t.tracks[tr]
	if !ok {
		s = &states{}
		t.tracks[tr] = s
	}
	return s
}

// begin says which value tr has when the span begins.
func (t *timelines) begin(tr track, value string) { t.of(tr).initial = value }

// add says that tr turned to value at a time, and what it was before where
// that is known. What is not within the span is left out.
func (t *timelines) add(tr track, at time.Time, before, value string) {
	if value == "" || at.After(t.span.to) || !at.After(t.span.from) {
		return
	}
	s := t.of(tr)
	s.turns = append(s.turns, turn{at, before, value})
}

// frames returns a frame for each track, by name, at most limit of them, and
// how many were left out. Each begins with the state at the span's start, where
// that is known.
func (t *timelines) frames(limit int) (frames data.Frames, omitted int) {
	tracks := make([]track, 0, len(t.tracks))
	for tr := range t.tracks {
		tracks = append(tracks, tr)
	}
	slices.SortFunc(tracks, track.compare)
	if limit = min(limit, maxTimelines); len(tracks) > limit {
		omitted = len(tracks) - limit
		tracks = tracks[:limit]
	}
	for _, tr := range tracks {
		frames = append(frames, t.tracks[tr].frame(tr, t.span))
	}
	return frames, omitted
}

func (s *states) frame(tr track, during span) *data.Frame {
	slices.SortStableFunc(s.turns, func(a, b turn) int { return a.at.Compare(b.at) })
	initial := s.initial
	if initial == "" && len(s.turns) > 0 {
		initial = s.turns[0].before // the first change knows what it replaced
	}
	times, values := make([]time.Time, 0, len(s.turns)+1), make([]string, 0, len(s.turns)+1)
	if initial != "" {
		times, values = append(times, during.from), append(values, initial)
	}
	for _, turn := range s.turns {
		if n := len(times); n > 0 && times[n-1].Equal(turn.at) {
			values[n-1] = turn.value
			continue
		}
		times, values = append(times, turn.at), append(values, turn.value)
	}
	return data.NewFrame(tr.name(),
		data.NewField("time", nil, times),
		data.NewField("value", tr.labels(), values).SetConfig(&data.FieldConfig{DisplayNameFromDS: tr.name()}),
	)
}
