package promjson

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// value reads whatever comes next, as encoding/json would.
func value(s *Scanner) any {
	switch c := s.Next(); {
	case c == '{':
		m := map[string]any{}
		for key := range s.Fields() {
			name := string(key)
			m[name] = value(s)
		}
		return m
	case c == '[':
		l := []any{}
		for range s.Elements() {
			l = append(l, value(s))
		}
		return l
	case c == '"':
		return string(s.Text())
	case c == '-' || c-'0' <= 9:
		return s.Number()
	}
	s.Skip()
	return nil
}

func TestScannerReadsWhatJSONIs(t *testing.T) {
	f := func(text string) {
		t.Helper()
		var want any
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		// One byte at a time: no token may depend on where the buffer ends.
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			s := New(r)
			got := value(s)
			require.True(t, s.End(), "%s: %v", text, s.Err())
			require.Equal(t, want, got, text)
		}
	}
	f(`{}`)
	f(`[]`)
	f(` { "a" : [ 1 , -2.5e3 , [ ] , { } ] , "b" : "c" } `)
	f(`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`)
	f(`"` + strings.Repeat("long ", bufferSize/3) + `"`)
	f(`{"` + strings.Repeat("k", bufferSize+7) + `":"\u0041"}`)
	f(`["\ud83d","\ud83dx"]`)
	f(strings.Repeat(" ", bufferSize+3) + `{"a" ` + strings.Repeat("\n", bufferSize) + `: 1}`)
	f(`[null]`)
}

func TestScannerRefusesWhatIsBroken(t *testing.T) {
	f := func(text string) {
		t.Helper()
		s := New(strings.NewReader(text))
		value(s)
		s.End()
		require.Error(t, s.Err(), text)
	}
	f(``)
	f(`{`)
	f(`{"a"`)
	f(`{"a":`)
	f(`{"a":1`)
	f(`{"a":1,}`)
	f(`{"a" 1}`)
	f(`{1:1}`)
	f(`[1,]`)
	f(`[,1]`)
	f(`[1 2]`)
	f(`[1}`)
	f(`"a`)
	f(`"\x"`)
	f(`"\u12"`)
	f(`"\u12zz"`)
	f(`"\`)
	f(`1 2`)
	f(`-`)
	f(strings.Repeat("[", maxDepth+1))
	f(`"` + strings.Repeat("x", maxText+bufferSize) + `"`)
}

func TestSkipReadsOverAnything(t *testing.T) {
	f := func(text string) {
		t.Helper()
		for _, r := range []io.Reader{strings.NewReader("[" + text + `,"after"]`), iotest.OneByteReader(strings.NewReader("[" + text + `,"after"]`))} {
			s := New(r)
			var after string
			for i := range s.Elements() {
				if i == 0 {
					s.Skip()
					continue
				}
				after = string(s.Text())
			}
			require.True(t, s.End(), "%s: %v", text, s.Err())
			require.Equal(t, "after", after, text)
		}
	}
	f(`1`)
	f(`-1.5e9`)
	f(`null`)
	f(`true`)
	f(`"a\"],\\"`)
	f(`{"a":[1,{"b":"]}"}],"c":{}}`)
	f(`[[[],{}],"\\\""]`)
	f(`"` + strings.Repeat("x", 2*bufferSize) + `"`)
}

func TestSkipRefusesWhatIsNotClosed(t *testing.T) {
	f := func(text string) {
		t.Helper()
		s := New(strings.NewReader(text))
		s.Skip()
		require.Error(t, s.Err(), text)
	}
	f(``)
	f(`[`)
	f(`[}`)
	f(`{"a":[}`)
	f(`["a`)
	f(`["\`)
	f(`,`)
	f(strings.Repeat("[", maxDepth+1))
}

func TestScannerTellsTheReadersError(t *testing.T) {
	broken := errors.New("the line is cut")
	s := New(io.MultiReader(strings.NewReader(`{"a":[1,`), iotest.ErrReader(broken)))
	value(s)
	require.ErrorIs(t, s.Err(), broken)

	s = New(strings.NewReader(`{"a":[1,`))
	value(s)
	require.ErrorIs(t, s.Err(), io.ErrUnexpectedEOF)
}

// FuzzScanner holds the scanner against encoding/json: what that accepts, this
// reads the same; and nothing makes it panic or run on.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"2"]]}]}}`,
		`[1435781451.781,"1.234"]`, `"\ud83d\ude00"`, `[null,true,{"a":[]}]`, `{"a":1,}`, `[[[`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := New(strings.NewReader(text))
		got := value(s)
		ok := s.End()
		skipping := New(strings.NewReader(text))
		skipping.Skip()
		skipped := skipping.End()

		var want any
		if json.Unmarshal([]byte(text), &want) != nil || hasWord(want) || repeatsKeys(text) {
			return
		}
		require.True(t, ok, "%v", s.Err())
		require.True(t, skipped, "%v", skipping.Err())
		require.Equal(t, want, got)
	})
}

// hasWord reports whether v holds true or false, which value leaves out.
func hasWord(v any) bool {
	switch v := v.(type) {
	case bool:
		return true
	case []any:
		for _, e := range v {
			if hasWord(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if hasWord(e) {
				return true
			}
		}
	}
	return false
}

// repeatsKeys reports whether text may hold a key twice, which encoding/json
// merges, or bytes that are no UTF-8, which it replaces.
func repeatsKeys(text string) bool {
	return strings.Count(text, ":") > 1 || !json.Valid([]byte(text)) || strings.ToValidUTF8(text, "") != text
}
