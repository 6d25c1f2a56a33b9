package changes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneMark answers each request with a mark whose id numbers the requests.
func oneMark() *stubServer {
	s := &stubServer{}
	s.get = func(context.Context, string, url.Values) (any, error) {
		c := lasting(deploy, "web", "", succeeded, time.Hour, time.Hour)
		c.ID = fmt.Sprint(s.asked())
		return marks{List: []mark{{Kind: deploy, Service: "web", Status: succeeded, Start: c.Start, End: c.End, Change: c}}}, nil
	}
	return s
}

// idOf returns the id of the one mark that l answers for s.
func idOf(t *testing.T, l *Log, s span) string {
	t.Helper()
	m, err := l.marksOf(context.Background(), s, nil)
	require.NoError(t, err)
	require.Len(t, m.List, 1)
	return m.List[0].Change.ID
}

func lastHours(n int) span { return span{ago(time.Duration(n) * time.Hour), noon} }

func TestPanelsOfARefreshShareARequest(t *testing.T) {
	for _, length := range []time.Duration{5 * time.Minute, time.Hour, 6 * time.Hour, 30 * 24 * time.Hour} {
		s := newFakeServer(t, sample()...)
		l := s.log()
		var panels sync.WaitGroup
		for i := range 20 {
			panels.Go(func() {
				late := time.Duration(i) * 7 * time.Millisecond
				_, err := l.marksOf(t.Context(), span{ago(length).Add(late), noon.Add(late)}, nil)
				assert.NoError(t, err)
			})
		}
		panels.Wait()
		require.Len(t, s.asked(marksEndpoint), 1, "%v", length)
	}
}

func TestWindowsCoverWhatIsAskedFor(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		to := ago(time.Duration(random.Int64N(int64(100 * 24 * time.Hour))))
		s := span{to.Add(-time.Millisecond - time.Duration(random.Int64N(int64(90*24*time.Hour)))), to}
		a := answer{span: widen(s)}
		require.True(t, a.serves(s), "%v", s)
		later := span{s.from.Add(500 * time.Millisecond), s.to.Add(500 * time.Millisecond)}
		require.True(t, a.serves(later), "%v, half a second later", s)
	}
}

func TestAnswersServeOnlyWhatTheyAreFor(t *testing.T) {
	l := newLog(oneMark())
	require.Equal(t, "1", idOf(t, l, lastHours(6)))
	require.Equal(t, "1", idOf(t, l, span{ago(5*time.Hour + 50*time.Minute), noon}), "a little less")
	require.Equal(t, "2", idOf(t, l, lastHours(3)), "too coarse")
	require.Equal(t, "3", idOf(t, l, lastHours(12)), "too short")
	require.Equal(t, "4", idOf(t, l, span{ago(30 * time.Hour), ago(24 * time.Hour)}), "another day")
	m, err := l.marksOf(t.Context(), lastHours(6), url.Values{"kind": {deploy}})
	require.NoError(t, err)
	require.Equal(t, "5", m.List[0].Change.ID, "another filter")
}

func TestAnswersGoStale(t *testing.T) {
	now := noon
	l := newLog(oneMark(), func(o *Options) { o.Now = func() time.Time { return now } })
	require.Equal(t, "1", idOf(t, l, lastHours(6)))
	now = now.Add(freshness - time.Millisecond)
	require.Equal(t, "1", idOf(t, l, lastHours(6)))
	now = now.Add(time.Millisecond)
	require.Equal(t, "2", idOf(t, l, lastHours(6)))
	l.cache.drop()
	require.Equal(t, "3", idOf(t, l, lastHours(6)))
}

func TestAnswersAreBounded(t *testing.T) {
	l := newLog(oneMark())
	for i := range 3 * maxAnswers {
		idOf(t, l, span{ago(time.Duration(i+2) * 24 * time.Hour), ago(time.Duration(i) * 24 * time.Hour)})
		require.LessOrEqual(t, len(l.cache.answers), maxAnswers)
	}
	many := &stubServer{get: func(context.Context, string, url.Values) (any, error) {
		return marks{List: make([]mark, maxMarks)}, nil
	}}
	l = newLog(many)
	for i := range 2 * maxMarksCached / maxMarks {
		_, err := l.marksOf(t.Context(), span{ago(time.Duration(i+2) * 24 * time.Hour), ago(time.Duration(i) * 24 * time.Hour)}, nil)
		require.NoError(t, err)
		require.LessOrEqual(t, len(l.cache.answers), maxMarksCached/maxMarks+1)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	good := oneMark()
	down := true
	l := newLog(&stubServer{get: func(ctx context.Context, endpoint string, query url.Values) (any, error) {
		if down {
			return nil, errors.New("down")
		}
		return good.get(ctx, endpoint, query)
	}})
	_, err := l.marksOf(t.Context(), lastHours(6), nil)
	require.ErrorContains(t, err, "down")
	down = false
	idOf(t, l, lastHours(6))
}

func TestUsersAreKeptApart(t *testing.T) {
	alice, bob := asUser(t.Context(), "alice"), asUser(t.Context(), "bob")
	for perUser, want := range map[bool]int{false: 1, true: 2} {
		s := oneMark()
		l := newLog(s, func(o *Options) { o.PerUser = perUser })
		for _, ctx := range []context.Context{alice, bob, alice, bob} {
			_, err := l.marksOf(ctx, lastHours(6), nil)
			require.NoError(t, err)
		}
		require.Equal(t, want, s.asked(), "per user: %v", perUser)
	}
}

// blocked answers when the test says so, or with the context's error.
func blocked() (s *stubServer, release chan struct{}) {
	release = make(chan struct{})
	s = &stubServer{get: func(ctx context.Context, _ string, _ url.Values) (any, error) {
		select {
		case <-release:
			return marks{Total: 1}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}
	return s, release
}

func TestOneThatGivesUpDoesNotHarmTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := blocked()
		l := newLog(s)
		first, cancel := context.WithCancel(t.Context())
		var panels sync.WaitGroup
		panels.Go(func() {
			_, err := l.marksOf(first, lastHours(6), nil)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait() // it is the one that asks
		for range 5 {
			panels.Go(func() {
				m, err := l.marksOf(t.Context(), lastHours(6), nil)
				if assert.NoError(t, err) {
					assert.Equal(t, 1, m.Total)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		panels.Wait()
		require.Equal(t, 1, s.asked())
	})
}

func TestWhatNobodyWaitsForIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := blocked()
		l := newLog(s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := l.marksOf(ctx, lastHours(6), nil)
		require.ErrorIs(t, err, context.Canceled)
		synctest.Wait() // the request ends, or this would report a deadlock
		require.Empty(t, l.cache.answers)

		close(release)
		_, err = l.marksOf(t.Context(), lastHours(6), nil)
		require.NoError(t, err)
	})
}

func TestRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := blocked()
		l := newLog(s, func(o *Options) { o.Timeout = time.Minute })
		began := time.Now()
		_, err := l.marksOf(t.Context(), lastHours(6), nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

// An answer that was on its way when a change came may not know it.
func TestAChangeDropsWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, release := blocked()
		l := newLog(s)
		var panels sync.WaitGroup
		ask := func() {
			_, err := l.marksOf(t.Context(), lastHours(6), nil)
			assert.NoError(t, err)
		}
		panels.Go(ask)
		synctest.Wait()
		l.cache.drop()
		panels.Go(ask)
		synctest.Wait()
		require.Equal(t, 2, s.asked())
		close(release)
		panels.Wait()
		ask()
		require.Equal(t, 2, s.asked())
	})
}
