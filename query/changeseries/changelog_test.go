package changeseries_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// The model again, over the real log.
func TestChangelogAgainstModel(t *testing.T) {
	engine := newEngine(t)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 2))
		ids := 0
		log, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{
			Now: func() time.Time { return time.UnixMilli(now) },
			NewID: func() (string, error) {
				ids++
				return fmt.Sprintf("019a0000-0000-7000-8000-%012d", ids), nil
			},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, log.Close()) })
		m := model{now: now, flips: flips{}}
		spans := randomSpans(r, 60)
		flagged := randomFlips(r, spans)
		for i, s := range spans {
			flip, ok := flagged[s.ID]
			if !ok {
				m.spans = append(m.spans, record(t, log, r, i, s, nil))
				continue
			}
			s = record(t, log, r, i, s, &flip)
			m.spans, m.flips[s.ID] = append(m.spans, s), flip
		}
		queryable := beside(log, noSamples{})
		for range 60 {
			randomInquiry(r, m).check(t, engine, queryable)
		}
	}
}

// record reports s to the log, in one or two parts, and returns it as it is
// kept: with an end and a status that go together.
func record(t *testing.T, log *changelog.Log, r *rand.Rand, i int, s annotate.Span, flag *annotate.FlagChange) annotate.Span {
	t.Helper()
	report := annotate.Report{
		Source: "test", ExternalID: fmt.Sprint(i), Kind: s.Kind, Service: s.Service, Environment: s.Environment, Version: s.Version,
		Start: annotate.At(time.UnixMilli(s.Start)), Who: &annotate.Who{Name: s.Who}, Flag: flag,
	}
	if s.Who == "" {
		report.Who = nil
	}
	switch {
	case s.Start > now:
		s.Status, s.End = annotate.Planned, max(s.End, s.Start)
	case s.End > now:
		s.Status, s.End = annotate.Running, annotate.Ongoing
	case s.Status == annotate.Running:
		s.Status = annotate.Failed
	}
	if r.IntN(2) == 0 && s.Start <= now {
		opening := report
		opening.Status = annotate.Running
		_, err := log.Record(t.Context(), "test", opening)
		require.NoError(t, err)
	}
	report.Status = s.Status
	if s.End != annotate.Ongoing {
		report.End = annotate.At(time.UnixMilli(s.End))
	}
	result, err := log.Record(t.Context(), "test", report)
	require.NoError(t, err)
	s.ID = result.Change.ID
	return s
}
