package eventstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// read returns all events of stream, each as a line.
func read(t *testing.T, stream io.Reader) []string {
	t.Helper()
	r := NewReader(stream)
	var events []string
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events
		}
		require.NoError(t, err)
		events = append(events, fmt.Sprintf("%s %s %s", e.ID, e.Type, e.Data))
	}
}

func TestEvents(t *testing.T) {
	f := func(stream string, want ...string) {
		t.Helper()
		require.Equal(t, want, read(t, strings.NewReader(stream)), "%q", stream)
		require.Equal(t, want, read(t, iotest.OneByteReader(strings.NewReader(stream))), "%q byte by byte", stream)
	}
	f("")
	f("retry: 2000\n: follows the changes\n\n")
	f("id: 7\nevent: change\ndata: {}\n\n", "7 change {}")
	f("data: a\n\ndata: b\n\n", " message a", " message b")
	f("data: a\ndata: b\n\n", " message a\nb")
	f("data\n\n", " message ")
	f("data:a\ndata:  b\n\n", " message a\n b")
	// The three ends of a line.
	f("data: a\r\n\r\ndata: b\r\rdata: c\n\n", " message a", " message b", " message c")
	f("\ufeffdata: a\n\n", " message a")
	// The id stays until another one comes, also one without data.
	f("id: 1\ndata: a\n\nid: 2\n\ndata: b\n\nid\ndata: c\n\n", "1 message a", "2 message b", " message c")
	f("id: 1\x002\ndata: a\n\n", " message a")
	// A type is for its own event only.
	f("event: change\n\ndata: a\n\n", " message a")
	f(": comment\nunknown: x\ndata: a\n\n", " message a")
	// What the end cut off is no event.
	f("data: a\n\ndata: b\n", " message a")
	f("data: a\n\ndata: b", " message a")
}

func TestLongDataIsLeftOut(t *testing.T) {
	long := strings.Repeat("x", MaxData+1)
	for name, stream := range map[string]string{
		"one line":   "id: 1\ndata: " + long + "\n\n",
		"many lines": "id: 1\n" + strings.Repeat("data: "+long[:MaxData/4]+"\n", 5) + "\n",
	} {
		r := NewReader(strings.NewReader(stream + "id: 2\ndata: b\n\n"))
		e, err := r.Next()
		require.NoError(t, err, name)
		require.True(t, e.Cut, name)
		require.Empty(t, e.Data, name)
		require.EqualValues(t, 1, e.Sequence(), name)
		e, err = r.Next()
		require.NoError(t, err, name)
		require.Equal(t, "b", string(e.Data), name)
		require.False(t, e.Cut, name)
	}
	r := NewReader(strings.NewReader("data: " + long[:MaxData-1] + "\n\n"))
	e, err := r.Next()
	require.NoError(t, err)
	require.False(t, e.Cut)
	require.Len(t, e.Data, MaxData-1)
}

func TestErrorsReachTheCaller(t *testing.T) {
	broken := errors.New("broken")
	_, err := NewReader(io.MultiReader(strings.NewReader("data: a\n"), iotest.ErrReader(broken))).Next()
	require.ErrorIs(t, err, broken)
}

func TestSequence(t *testing.T) {
	require.EqualValues(t, 42, Event{ID: "42"}.Sequence())
	require.EqualValues(t, 0, Event{ID: "4x"}.Sequence())
}

func FuzzReader(f *testing.F) {
	for _, stream := range []string{
		"id: 7\nevent: change\ndata: {}\n\n", "data: a\r\n\r\ndata\r\r", "\ufeff: x\n\n", "id: \x00\ndata:\n\n", "data: a\ndata: b\n",
	} {
		f.Add([]byte(stream))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := read(t, bytes.NewReader(stream))
		require.Equal(t, whole, read(t, iotest.OneByteReader(bytes.NewReader(stream))))
		require.LessOrEqual(t, len(whole), bytes.Count(stream, []byte("data")))
	})
}
