package runlog

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// written is the log that the pieces make.
func written(t testing.TB, most int64, secrets []string, pieces ...string) string {
	t.Helper()
	f := File{Path: filepath.Join(t.TempDir(), "log"), Max: most}
	w, err := f.Append(secrets...)
	require.NoError(t, err)
	for _, p := range pieces {
		n, err := w.Write([]byte(p))
		require.NoError(t, err)
		require.Equal(t, len(p), n)
	}
	require.NoError(t, w.Close())
	text, err := os.ReadFile(f.Path)
	require.NoError(t, err)
	require.Equal(t, int64(len(text)), f.Size())
	return string(text)
}

func TestALogIsPlainTextWithoutSecrets(t *testing.T) {
	key := "-----BEGIN KEY-----\nabcdefghij\nxy\n-----END KEY-----\n"
	for _, test := range []struct {
		name    string
		secrets []string
		pieces  []string
		want    string
	}{
		{"text stays as it is", nil, []string{"wörld ✓\n", "\tdone"}, "wörld ✓\n\tdone"},
		{"a secret is masked", []string{"hunter2"}, []string{"password=hunter2.\n"}, "password=***.\n"},
		{"and over the border of two writes", []string{"hunter2"}, []string{"password=hun", "ter", "2.\n"}, "password=***.\n"},
		{"what only begins like one is not", []string{"hunter2"}, []string{"hun", "ted hunter"}, "hunted hunter"},
		{"one that another holds within it", []string{"abc", "abcdef"}, []string{"abc", "def abcd"}, "*** ***d"},
		{"of two that overlap, the first", []string{"aab", "abx"}, []string{"aa", "abx"}, "a***x"},
		{"a secret of lines, whole", []string{key}, []string{"key: " + key}, "key: ***\n"},
		{"and a line of it", []string{key}, []string{"abcdefghij and xy\n"}, "*** and xy\n"},
		{"an empty secret masks nothing", []string{"", " \n"}, []string{"a b"}, "a b"},
		{"colours are left out", nil, []string{"\x1b[31mred\x1b", "[0m \x1b]0;title\a!"}, "red !"},
		{"a secret in colours is masked", []string{"hunter2"}, []string{"hun\x1b[1mter2"}, "***"},
		{"a bar of progress is lines", nil, []string{"10%\r", "20%\r\n30%\n"}, "10%\n20%\n30%\n"},
		{"control characters are left out", nil, []string{"a\x00b\x07c\x7fd\u0085e"}, "abcde"},
		{"a character may come in two writes", nil, []string{"w\xc3", "\xb6rld"}, "wörld"},
		{"what is no UTF-8 is shown as such", nil, []string{"a\xffb\xc3"}, "a\ufffdb\ufffd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, written(t, 0, test.secrets, test.pieces...))
		})
	}
}

func TestALongLogKeepsItsBeginningAndItsEnd(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	pieces := []string{"the beginning\n"}
	for range 5000 {
		pieces = append(pieces, line)
	}
	text := written(t, 1000, nil, append(pieces, "the end ✓\n")...)
	require.True(t, strings.HasPrefix(text, "the beginning\nxxx"))
	require.True(t, strings.HasSuffix(text, "x\nthe end ✓\n"))
	require.Less(t, len(text), 1000+tailBytes+100)
	kept := strings.Count(text, "x") + strings.Count(text, "\n")
	require.Regexp(t, `\n… 43\d{4} bytes left out …\n`, text)
	require.Greater(t, kept, tailBytes)
}

func TestALogGoesOnAfterItWasClosed(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "log"), Max: 8}
	for i := range 3 {
		w, err := f.Append()
		require.NoError(t, err)
		w.Printf("line %d", i)
		require.NoError(t, w.Close())
	}
	text, err := f.Read(0, 100)
	require.NoError(t, err)
	require.Equal(t, "line 0\nline 1\nline 2\n", string(text), "nothing is left out while it fits the end")
}

func TestReadCutsNoCharacter(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "log")}
	text, err := f.Read(0, 10)
	require.NoError(t, err)
	require.Empty(t, text, "a log that is not there")
	require.Zero(t, f.Size())

	w, err := f.Append()
	require.NoError(t, err)
	fmt.Fprint(w, "aö✓")
	require.NoError(t, w.Close())
	for most, want := range map[int]string{1: "a", 2: "a", 3: "aö", 5: "aö", 6: "aö✓", 100: "aö✓"} {
		text, err := f.Read(0, most)
		require.NoError(t, err)
		require.Equal(t, want, string(text), "%d bytes", most)
	}
	text, err = f.Read(100, 10)
	require.NoError(t, err)
	require.Empty(t, text)
}

func FuzzALogNeverShowsASecret(f *testing.F) {
	f.Add("password=hunter2\n", "hunter2", 3)
	f.Add("\x1b[31maab\xffaabaab", "aab", 1)
	f.Fuzz(func(t *testing.T, text, secret string, piece int) {
		if piece < 1 || len(secret) < 4 || strings.Contains(masked, secret) || strings.ContainsAny(secret, "*") || len(text) > 1000 {
			t.Skip()
		}
		clean := new(cleaner).clean(nil, []byte(secret))
		if string(clean) != secret || strings.TrimSpace(secret) != secret {
			t.Skip() // it can't be in clean text
		}
		var pieces []string
		for rest := text; rest != ""; {
			n := min(piece, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		log := written(t, 0, []string{secret}, pieces...)
		require.NotContains(t, log, secret)
		require.True(t, utf8.ValidString(log))
	})
}
