package intake

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hookOf is the hook that a payload of testdata/hooks/SENDER is for. Its settings are
// headers of the payload: Hook-Runs, Hook-Change, Hook-Service and Hook-Environment.
func hookOf(t *testing.T, sender string, h http.Header) *Hook {
	t.Helper()
	s := HookSettings{Name: sender + "-hook", Sender: sender, Change: h.Get("Hook-Change"), Service: h.Get("Hook-Service"), Environment: h.Get("Hook-Environment")}
	if runs := h.Get("Hook-Runs"); runs != "" {
		s.Runs = regexp.MustCompile(runs)
	}
	hook, err := NewHook(s)
	require.NoError(t, err)
	return hook
}

// payload reads a delivery from a file: headers as HTTP writes them, an empty line, and
// the body.
func payload(t *testing.T, path string) Delivery {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	head, body, found := bytes.Cut(raw, []byte("\n\n"))
	require.True(t, found, "%s has no empty line between headers and body", path)
	d := Delivery{Header: http.Header{}, Body: bytes.TrimRight(body, "\n"), Arrived: now}
	for h := range strings.Lines(string(head)) {
		name, value, _ := strings.Cut(strings.TrimSpace(h), ":")
		d.Header.Add(name, strings.TrimSpace(value))
	}
	return d
}

// reading is what became of a payload, as its golden file shows it.
type reading struct {
	Event    string            `json:"event,omitempty"`
	Nothing  string            `json:"nothing,omitempty"`
	Failures []string          `json:"failures,omitempty"`
	Changes  []annotate.Change `json:"changes,omitempty"`
}

// readingOf reads a delivery, and checks that the log would keep what it tells of.
func readingOf(t *testing.T, h *Hook, d Delivery) reading {
	t.Helper()
	told, err := h.Read(d)
	out := reading{Event: told.Event, Nothing: told.Nothing}
	if err != nil {
		told.Failures = append(told.Failures, err)
	}
	for _, failure := range told.Failures {
		require.Equal(t, annotate.Invalid, annotate.CodeOf(failure), "%v", failure)
		out.Failures = append(out.Failures, failure.Error())
	}
	out.Changes = changesOf(t, told.Reports)
	for _, c := range out.Changes {
		require.NoError(t, c.Validate(now), "the log would refuse it")
	}
	return out
}

// changesOf is what the log makes of reports.
func changesOf(t *testing.T, reports []annotate.Report) []annotate.Change {
	t.Helper()
	changes, err := Told{Reports: reports}.Changes(now)
	require.NoError(t, err)
	return changes
}

// Each payload is one that its sender really sends, from its public schemas and
// published examples: testdata/hooks/SENDER/WHAT.http, and beside it what is made of it.
func TestRealPayloads(t *testing.T) {
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/hooks/*/*.http")
	require.NoError(t, err)
	for _, file := range files {
		sender := filepath.Base(filepath.Dir(file))
		seen[sender] = true
		t.Run(sender+"/"+strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			d := payload(t, file)
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			require.NoError(t, enc.Encode(readingOf(t, hookOf(t, sender, d.Header), d)))
			golden := strings.TrimSuffix(file, ".http") + ".json"
			if *update {
				require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String())
		})
	}
	for _, name := range Senders() {
		require.True(t, seen[name], "%s has no payloads in testdata/hooks", name)
	}
}

// However a sender's deliveries of one change are shuffled and repeated, they make the
// same change.
func TestAnyOrderOfPayloadsMakesTheSameChanges(t *testing.T) {
	for _, sender := range Senders() {
		files, err := filepath.Glob("testdata/hooks/" + sender + "/*.http")
		require.NoError(t, err)
		var reports []annotate.Report
		for _, file := range files {
			d := payload(t, file)
			told, err := hookOf(t, sender, d.Header).Read(d)
			if err == nil {
				reports = append(reports, told.Reports...)
			}
		}
		byID := func(changes []annotate.Change) map[string]annotate.Change {
			m := map[string]annotate.Change{}
			for _, c := range changes {
				if c.ExternalID != "" {
					m[c.ExternalID] = c
				}
			}
			return m
		}
		want := byID(changesOf(t, reports))
		for range 50 {
			shuffled := append(append([]annotate.Report(nil), reports...), reports[:len(reports)/2]...)
			shuffle(shuffled)
			require.Equal(t, want, byID(changesOf(t, shuffled)), sender)
		}
	}
}

func FuzzHooks(f *testing.F) {
	files, err := filepath.Glob("testdata/hooks/*/*.http")
	require.NoError(f, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(filepath.Base(filepath.Dir(file)), raw)
	}
	f.Fuzz(func(t *testing.T, sender string, raw []byte) {
		head, body, _ := bytes.Cut(raw, []byte("\n\n"))
		d := Delivery{Header: http.Header{}, Body: body, Arrived: now}
		for h := range strings.Lines(string(head)) {
			name, value, _ := strings.Cut(strings.TrimSpace(h), ":")
			d.Header.Add(name, strings.TrimSpace(value))
		}
		hook, err := NewHook(HookSettings{Name: "fuzz", Sender: sender, Change: map[string]string{senderGeneric: "."}[sender], Runs: anyRun(sender)})
		if err != nil {
			return
		}
		told, err := hook.Read(d)
		if err != nil {
			require.Equal(t, annotate.Invalid, annotate.CodeOf(err), "%v", err)
			return
		}
		require.NoError(t, json.NewEncoder(io.Discard).Encode(told.Reports))
		for _, c := range changesOf(t, told.Reports) {
			if err := c.Validate(now); err != nil {
				require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
			}
		}
	})
}
