package client

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSSE(t *testing.T) {
	f := func(stream string, want ...sseEvent) {
		t.Helper()
		for _, r := range []io.Reader{strings.NewReader(stream), iotest.OneByteReader(strings.NewReader(stream))} {
			events := newSSEReader(r)
			var got []sseEvent
			for {
				event, err := events.Next()
				if err != nil {
					require.ErrorIs(t, err, io.EOF)
					break
				}
				got = append(got, event)
			}
			require.Equal(t, want, got)
		}
	}
	f("")
	f("data: a\n\n", sseEvent{"", "message", "a"})
	f("id: 7\nevent: change\ndata: a\n\n", sseEvent{"7", "change", "a"})
	f("id:7\r\nevent:change\r\ndata:a\r\n\r\n", sseEvent{"7", "change", "a"})
	f("data: a\rdata: b\r\rdata:c\r\r\r", sseEvent{"", "message", "a\nb"}, sseEvent{"", "message", "c"})
	f(": heartbeat\n\n: another\n\ndata: a\n\n", sseEvent{"", "message", "a"})
	f("\ufeffdata: a\n\n", sseEvent{"", "message", "a"})
	f("id: 1\ndata: a\n\ndata: b\n\n", sseEvent{"1", "message", "a"}, sseEvent{"1", "message", "b"})
	f("data\n\n", sseEvent{"", "message", ""})
	f("data:  a\n\n", sseEvent{"", "message", " a"})
	f("unknown: x\ndata: a\n\n", sseEvent{"", "message", "a"})
	f("event: x\n\ndata: a\n\n", sseEvent{"", "message", "a"})
	f("id: a\x00b\ndata: a\n\n", sseEvent{"", "message", "a"})
	f("data: cut short\n")
	f("data: cut short")
}

func TestSSERetry(t *testing.T) {
	events := newSSEReader(strings.NewReader("retry: 1500\nretry: never\ndata: a\n\n"))
	_, err := events.Next()
	require.NoError(t, err)
	require.Equal(t, 1500*time.Millisecond, events.retry)
}

func TestSSEBounds(t *testing.T) {
	line := "data: " + strings.Repeat("x", maxEvent/4) + "\n"
	_, err := newSSEReader(strings.NewReader(strings.Repeat(line, 5) + "\n")).Next()
	require.ErrorIs(t, err, errEventTooLong)
	_, err = newSSEReader(strings.NewReader("data: " + strings.Repeat("x", maxEvent) + "\n\n")).Next()
	require.ErrorIs(t, err, errEventTooLong)
}

func FuzzSSE(f *testing.F) {
	f.Add("id: 7\nevent: change\ndata: {}\n\n")
	f.Add(": c\r\n\r\ndata:a\r\rretry: 10\n\n")
	f.Add("\ufeffid\x00\n\n\ndata")
	f.Fuzz(func(t *testing.T, stream string) {
		read := func(r io.Reader) (got []sseEvent) {
			events := newSSEReader(r)
			for {
				event, err := events.Next()
				if err != nil {
					if !errors.Is(err, io.EOF) {
						t.Fatalf("a short stream failed: %v", err)
					}
					return got
				}
				got = append(got, event)
			}
		}
		whole := read(strings.NewReader(stream))
		pieces := read(iotest.OneByteReader(strings.NewReader(stream)))
		require.Equal(t, whole, pieces, "the events depend on how the bytes arrive")
		for _, event := range whole {
			require.NotContains(t, event.ID, "\x00")
			require.NotContains(t, event.Data, "\r")
		}
	})
}

func BenchmarkSSE(b *testing.B) {
	stream := strings.Repeat("id: 123456\nevent: change\ndata: "+strings.Repeat("x", 500)+"\n\n", 1000)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		events := newSSEReader(strings.NewReader(stream))
		for {
			if _, err := events.Next(); err != nil {
				break
			}
		}
	}
}
