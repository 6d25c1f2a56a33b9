package spool

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// crash does to the marker what the kernel does when its process is killed.
func crash(m *Marker) { m.drop() }

func begin(t *testing.T, s *Spool, id string) *Marker {
	t.Helper()
	m, err := s.Begin(entry(id))
	require.NoError(t, err)
	return m
}

func succeeded(id string) annotate.Report {
	r := entry(id).Report
	r.Status, r.End = annotate.Succeeded, annotate.At(r.Start.Add(time.Minute))
	return r
}

func flush(t *testing.T, s *Spool) (Flushed, []annotate.Report) {
	t.Helper()
	to := &sink{}
	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	return done, to.got
}

func TestMarkerOfALivingProcess(t *testing.T) {
	s := open(t)
	m := begin(t, s, "a")
	done, got := flush(t, s)
	require.Equal(t, Flushed{}, done)
	require.Empty(t, got)

	name, err := m.End(succeeded("a"))
	require.NoError(t, err)
	require.FileExists(t, s.path(queueDir, name))
	require.Empty(t, files(t, s, openDir))
	done, got = flush(t, s)
	require.Equal(t, Flushed{Sent: 1}, done)
	require.Equal(t, annotate.Succeeded, got[0].Status)
}

func TestMarkerOfALostProcess(t *testing.T) {
	s := open(t)
	m := begin(t, s, "a")
	seen := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	require.NoError(t, m.Alive(seen))
	crash(m)
	done, got := flush(t, s)
	require.Equal(t, Flushed{Sent: 1, Lost: 1}, done)
	require.Equal(t, annotate.Lost, got[0].Status)
	require.Equal(t, annotate.At(seen), got[0].End, "it ended when it was last known to run")
	require.Len(t, got[0].Evidence, 1)
	require.NoError(t, got[0].New(time.Now()).Validate(time.Now()))

	done, got = flush(t, s)
	require.Equal(t, Flushed{}, done, "it is lost once")
	require.Empty(t, got)
}

func TestCrashBetweenTheStepsOfTheEnd(t *testing.T) {
	s := open(t)
	m := begin(t, s, "a")
	m.entry.Report = succeeded("a")
	require.NoError(t, m.put()) // the first step; the move is not made
	crash(m)
	done, got := flush(t, s)
	require.Equal(t, Flushed{Sent: 1}, done)
	require.Equal(t, annotate.Succeeded, got[0].Status, "how it ended is known")
	require.Empty(t, files(t, s, openDir))
}

func TestMarkerWhoseEndCannotBeWritten(t *testing.T) {
	s := open(t)
	m := begin(t, s, "a")
	r := succeeded("a")
	r.Source = "" // no spool takes it
	_, err := m.End(r)
	require.Error(t, err)
	require.NoError(t, m.Remove())
	done, _ := flush(t, s)
	require.Equal(t, Flushed{}, done)
}

func TestMarkerStaysLockedAsItIsRewritten(t *testing.T) {
	s := open(t)
	m := begin(t, s, "a")
	require.NoError(t, m.put())
	lost, err := s.reap()
	require.NoError(t, err)
	require.Zero(t, lost)
}

func TestBrokenMarkerIsSetAside(t *testing.T) {
	s := open(t)
	require.NoError(t, os.WriteFile(s.path(openDir, "x.json"), []byte("{"), 0o600))
	done, _ := flush(t, s)
	require.Zero(t, done.Lost)
	require.Len(t, files(t, s, brokenDir), 1)
}
