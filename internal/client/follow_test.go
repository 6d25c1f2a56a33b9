package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// answers is a transport that gives one answer after another, and the last of
// them again and again. It needs no network, so that time can be bent.
type answers struct {
	give []func(*http.Request) (*http.Response, error)
	// resumed has each request's Last-Event-ID.
	resumed []string
}

// RoundTrip implements http.RoundTripper.
func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	n := min(len(a.resumed), len(a.give)-1)
	a.resumed = append(a.resumed, r.Header.Get("Last-Event-ID"))
	return a.give[n](r)
}

func answer(status int, contentType string, body io.Reader, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {contentType}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(&cancelledReader{r.Context(), body}), Request: r}, nil
	}
}

// cancelledReader ends with its request, as a network connection does.
type cancelledReader struct {
	ctx  context.Context
	body io.Reader
}

// Read implements io.Reader. A body of nil says nothing, for ever.
func (r *cancelledReader) Read(p []byte) (int, error) {
	if r.body != nil {
		return r.body.Read(p)
	}
	<-r.ctx.Done()
	return 0, r.ctx.Err()
}

func events(seqs ...int) io.Reader {
	var b strings.Builder
	for _, seq := range seqs {
		fmt.Fprintf(&b, ": heartbeat\n\nid: %d\nevent: change\ndata: {\"id\":\"c%d\",\"kind\":\"deploy\",\"status\":\"running\"}\n\n", seq, seq)
	}
	return strings.NewReader(b.String())
}

const eventStream = "text/event-stream; charset=utf-8"

func follow(t *testing.T, a *answers, until int) (got []int64, waits []time.Duration, err error) {
	t.Helper()
	c, err := New(Options{Server: "http://tide.test", Transport: a})
	require.NoError(t, err)
	enough := errors.New("enough")
	f := Follower{Client: c, Broken: func(_ error, wait time.Duration) { waits = append(waits, wait) }}
	err = f.Run(context.Background(), func(e annotate.Event) error {
		require.Equal(t, fmt.Sprintf("c%d", e.Seq), e.Change.ID)
		got = append(got, e.Seq)
		if len(got) == until {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return got, waits, err
}

func TestFollowResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{give: []func(*http.Request) (*http.Response, error){
			answer(200, eventStream, events(1, 2)),
			func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
			answer(503, "text/plain", strings.NewReader(""), "Retry-After", "20"),
			answer(200, eventStream, events(3)),
			answer(200, eventStream, events(4)),
		}}
		got, waits, err := follow(t, a, 4)
		require.NoError(t, err)
		require.Equal(t, []int64{1, 2, 3, 4}, got)
		require.Equal(t, []string{"", "2", "2", "2", "3"}, a.resumed)
		require.Len(t, waits, 4)
		require.Less(t, waits[0], 2*time.Second)
		require.GreaterOrEqual(t, waits[1], 2*time.Second, "the wait grows")
		require.Equal(t, 20*time.Second, waits[2], "the server says when")
		require.Less(t, waits[3], 2*time.Second, "the wait begins anew after a success")
	})
}

func TestFollowWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{}
		for range 20 {
			a.give = append(a.give, answer(500, "text/plain", strings.NewReader("")))
		}
		a.give = append(a.give, answer(200, eventStream, events(1)))
		_, waits, err := follow(t, a, 1)
		require.NoError(t, err)
		for _, wait := range waits {
			require.LessOrEqual(t, wait, maxWait*3/2)
		}
	})
}

func TestFollowLeavesASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{give: []func(*http.Request) (*http.Response, error){
			answer(200, eventStream, nil),
			answer(200, eventStream, events(1)),
		}}
		began := time.Now()
		_, waits, err := follow(t, a, 1)
		require.NoError(t, err)
		require.Len(t, waits, 1)
		require.GreaterOrEqual(t, time.Since(began), maxSilence)
	})
}

func TestFollowStopsWhereItMakesNoSense(t *testing.T) {
	f := func(give func(*http.Request) (*http.Response, error), want string) {
		t.Helper()
		a := &answers{give: []func(*http.Request) (*http.Response, error){give}}
		_, waits, err := follow(t, a, 1)
		require.ErrorContains(t, err, want)
		require.Empty(t, waits)
	}
	f(answer(400, "application/problem+json", strings.NewReader(`{"detail":"no such filter"}`)), "no such filter")
	f(answer(401, "application/problem+json", strings.NewReader(`{"detail":"a token, please"}`)), "a token, please")
	f(answer(200, "text/html", strings.NewReader("<html>")), "is it a Tidemark server?")
	f(answer(200, eventStream, strings.NewReader("id: x\nevent: change\ndata: {}\n\n")), "is no number")
	f(answer(200, eventStream, strings.NewReader("id: 1\nevent: change\ndata: [\n\n")), "read event 1")
}

func TestFollowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{Server: "http://tide.test", Transport: &answers{give: []func(*http.Request) (*http.Response, error){answer(200, eventStream, nil)}}})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		f := Follower{Client: c}
		require.ErrorIs(t, f.Run(ctx, func(annotate.Event) error { return nil }), context.DeadlineExceeded)
	})
}
