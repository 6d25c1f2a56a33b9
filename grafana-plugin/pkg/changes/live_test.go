package changes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// packets takes what a stream sends.
type packets chan json.RawMessage

func (p packets) Send(packet *backend.StreamPacket) error {
	p <- packet.Data
	return nil
}

// next returns the next frame's row, its fields by name.
func (p packets) next(t *testing.T) map[string]any {
	t.Helper()
	var packet json.RawMessage
	select {
	case packet = <-p:
	case <-time.After(5 * time.Minute): // of the bubble, which costs nothing
		t.Fatal("nothing was sent")
	}
	var sent struct {
		Data struct{ Values [][]any }
	}
	require.NoError(t, json.Unmarshal(packet, &sent))
	fields := eventFrame().Fields
	require.Len(t, sent.Data.Values, len(fields))
	row := make(map[string]any)
	for i, f := range fields {
		require.Len(t, sent.Data.Values[i], 1)
		row[f.Name] = sent.Data.Values[i][0]
	}
	return row
}

// run runs l's stream until the test ends.
func run(t *testing.T, l *Log) (sent packets, stop func()) {
	sent = make(packets, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- l.RunStream(ctx, &backend.RunStreamRequest{Path: Channel}, backend.NewStreamSender(sent))
	}()
	return sent, func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func event(id int, c Change) string {
	b, _ := json.Marshal(c)
	return fmt.Sprintf("id: %d\nevent: change\ndata: %s\n\n", id, b)
}

func TestEventsOverHTTP(t *testing.T) {
	s := newFakeServer(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != streamEndpoint {
			return false
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "retry: 2000\n: follows the changes\n\n"+event(7, sample()[1]))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	}
	sent, stop := run(t, s.log())
	require.Equal(t, map[string]any{
		"time": float64(ago(3 * time.Hour).UnixMilli()), "id": "deploy-web-production-10800000", "kind": deploy,
		"service": "web", "environment": "production", "status": failed, "seq": 7.0,
	}, sent.next(t))
	stop()
}

// connections answers each connection of a stream in its turn.
func connections(streams ...func(ctx context.Context, lastEventID string) (io.ReadCloser, error)) *stubServer {
	return &stubServer{stream: func(ctx context.Context, lastEventID string) (io.ReadCloser, error) {
		if len(streams) == 0 {
			return silent(ctx, lastEventID)
		}
		next := streams[0]
		streams = streams[1:]
		return next(ctx, lastEventID)
	}}
}

// silent is a connection on which nothing comes.
func silent(ctx context.Context, _ string) (io.ReadCloser, error) {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
	return r, nil
}

func says(text string) func(context.Context, string) (io.ReadCloser, error) {
	return func(context.Context, string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

func TestAStreamResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var resumed []string
		noting := func(next func(context.Context, string) (io.ReadCloser, error)) func(context.Context, string) (io.ReadCloser, error) {
			return func(ctx context.Context, id string) (io.ReadCloser, error) {
				resumed = append(resumed, id)
				return next(ctx, id)
			}
		}
		refused := func(context.Context, string) (io.ReadCloser, error) { return nil, errors.New("refused") }
		l := newLog(connections(
			noting(says(event(1, few()[0])+event(2, few()[1]))), noting(refused), noting(refused), noting(says(event(3, few()[2]))),
		))
		sent, stop := run(t, l)
		for seq := range 3 {
			require.EqualValues(t, seq+1, sent.next(t)["seq"])
		}
		synctest.Wait()
		require.Empty(t, sent)
		require.Equal(t, []string{"", "2", "2", "2"}, resumed)
		stop()
	})
}

// Where a connection broke before the first event, nobody knows what was
// missed, and who looks is told to look again.
func TestAGapIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, stop := run(t, newLog(connections(says("retry: 2000\n\n"))))
		row := sent.next(t)
		require.Equal(t, "", row["id"])
		require.EqualValues(t, 0, row["seq"])
		synctest.Wait()
		require.Empty(t, sent)
		stop()
	})
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// One that shows that it lives is kept.
		lively := func(ctx context.Context, _ string) (io.ReadCloser, error) {
			r, w := io.Pipe()
			go func() {
				for range 10 {
					time.Sleep(15 * time.Second)
					_, _ = io.WriteString(w, ": keep-alive\n\n")
				}
				_, _ = io.WriteString(w, event(1, few()[0]))
				<-ctx.Done()
				_ = w.CloseWithError(ctx.Err())
			}()
			return r, nil
		}
		began := time.Now()
		sent, stop := run(t, newLog(connections(lively, says(event(2, few()[1])))))
		require.EqualValues(t, 1, sent.next(t)["seq"])
		require.Equal(t, 150*time.Second, time.Since(began))
		synctest.Wait()
		time.Sleep(idleTimeout + time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, sent.next(t)["seq"])
		stop()
	})
}

// Connections that end now and then, without a change in days, are no failures:
// the next change is not to wait for the longest pause.
func TestQuietConnectionsAreNoFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lasts, quiet = 2 * time.Minute, 10
		var streams []func(context.Context, string) (io.ReadCloser, error)
		for range quiet {
			streams = append(streams, func(context.Context, string) (io.ReadCloser, error) {
				r, w := io.Pipe()
				go func() {
					for range lasts / (15 * time.Second) {
						time.Sleep(15 * time.Second)
						_, _ = io.WriteString(w, ": keep-alive\n\n")
					}
					_ = w.Close()
				}()
				return r, nil
			})
		}
		began := time.Now()
		sent, stop := run(t, newLog(connections(append(streams, says(event(1, few()[0])))...)))
		for sent.next(t)["seq"] != 1.0 {
		}
		require.Less(t, time.Since(began), quiet*(lasts+time.Second))
		stop()
	})
}

func TestWhatCannotBeReadIsASignStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, stop := run(t, newLog(connections(says(
			"id: 1\nevent: change\ndata: {\n\n"+
				"id: 2\nevent: change\ndata: "+strings.Repeat("x", 2<<20)+"\n\n"+
				"id: 3\nevent: other\ndata: {}\n\n"+
				event(4, few()[0]),
		))))
		for _, seq := range []int{1, 2, 4} {
			require.EqualValues(t, seq, sent.next(t)["seq"])
		}
		stop()
	})
}

// Who asks upon an event is not answered with what was before.
func TestAnEventDropsWhatIsCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := oneMark()
		s.stream = func(context.Context, string) (io.ReadCloser, error) { return r, nil }
		l := newLog(s)
		sent, stop := run(t, l)
		require.Equal(t, "1", idOf(t, l, lastHours(6)))
		require.Equal(t, "1", idOf(t, l, lastHours(6)))
		_, err := io.WriteString(w, event(1, few()[0]))
		require.NoError(t, err)
		sent.next(t)
		require.Equal(t, "2", idOf(t, l, lastHours(6)))
		_ = w.Close()
		stop()
	})
}

func TestAStreamEndsWhenNobodyTakesIt(t *testing.T) {
	l := newLog(connections(says(event(1, few()[0]))))
	err := l.RunStream(t.Context(), &backend.RunStreamRequest{Path: Channel}, backend.NewStreamSender(gone{}))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type gone struct{}

func (gone) Send(*backend.StreamPacket) error { return io.ErrClosedPipe }

func TestChannels(t *testing.T) {
	l := newLog(connections())
	response, err := l.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{Path: "else"})
	require.NoError(t, err)
	require.Equal(t, backend.SubscribeStreamStatusNotFound, response.Status)
	require.Error(t, l.RunStream(t.Context(), &backend.RunStreamRequest{Path: "else"}, nil))

	response, err = l.SubscribeStream(t.Context(), &backend.SubscribeStreamRequest{Path: Channel})
	require.NoError(t, err)
	require.Equal(t, backend.SubscribeStreamStatusOK, response.Status)
	var initial struct {
		Schema struct{ Fields []struct{ Name string } }
		Data   *data.Frame
	}
	require.NoError(t, json.Unmarshal(response.InitialData.Data(), &initial))
	require.Len(t, initial.Schema.Fields, 7)
}

func TestBackoff(t *testing.T) {
	b := defaultBackoff()
	for failures, most := range map[int]time.Duration{0: b.least, 1: 2 * b.least, 3: 8 * b.least, 10: b.most, 1000: b.most} {
		for range 100 {
			wait := b.wait(failures)
			require.GreaterOrEqual(t, wait, most/2)
			require.LessOrEqual(t, wait, most)
		}
	}
}
