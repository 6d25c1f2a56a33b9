//go:build e2e

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/require"
)

// TestKill ends the server with kill -9 at random moments while changes and
// remote-write samples come in, and holds it to what it acknowledged: nothing
// lost, nothing doubled, every restart clean. TIDEMARK_KILL_ROUNDS sets how
// many rounds there are.
func TestKill(t *testing.T) {
	rounds, random := killRounds(t)
	dir := t.TempDir()
	var acked ledger
	for round := range rounds {
		s := serve(t, "--storage.path="+dir)
		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for w := range 4 {
			name := fmt.Sprintf("r%dw%d", round, w)
			writers.Go(func() { writeChanges(ctx, s.url, name, &acked) })
			writers.Go(func() { writeSamples(ctx, s.url, name, &acked) })
		}
		// Whatever the machine's speed, the kill falls among acknowledged writes.
		least := acked.len() + 20 + random.IntN(400)
		require.Eventually(t, func() bool { return acked.len() >= least }, patience, time.Millisecond)
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGKILL))
		<-s.exited
		cancel()
		writers.Wait()
	}

	s := serve(t, "--storage.path="+dir)
	require.NotEmpty(t, acked.changes)
	require.NotEmpty(t, acked.samples)
	ids := map[string]string{}
	for next := "/api/v1/changes?limit=1000"; next != ""; {
		var page struct {
			Changes []struct {
				ID         string `json:"id"`
				ExternalID string `json:"external_id"`
			} `json:"changes"`
			Next *string `json:"next"`
		}
		require.NoError(t, json.Unmarshal([]byte(s.get(next)), &page))
		for _, c := range page.Changes {
			require.NotContains(t, ids, c.ExternalID, "a change was doubled")
			ids[c.ExternalID] = c.ID
		}
		next = ""
		if page.Next != nil {
			next = "/api/v1/changes?limit=1000&cursor=" + *page.Next
		}
	}
	for externalID, id := range acked.changes {
		require.Equal(t, id, ids[externalID], "acknowledged change %s", externalID)
	}
	for name, last := range acked.samples {
		kept := number(s.value(fmt.Sprintf(`count_over_time(kill_test{writer=%q}[1h])`, name)))
		require.GreaterOrEqual(t, kept, last, "acknowledged samples of %s were lost", name)
		require.LessOrEqual(t, kept, last+1, "only the last one may have been kept without an answer")
	}
	require.NoError(t, s.stop(syscall.SIGTERM))
	t.Logf("%d rounds: %d changes acknowledged, %d kept; the last samples of %d series acknowledged",
		rounds, len(acked.changes), len(ids), len(acked.samples))
}

// killRounds returns how many rounds there are, and what says when each ends.
func killRounds(t *testing.T) (int, *rand.Rand) {
	t.Helper()
	rounds := 4
	if s := os.Getenv("TIDEMARK_KILL_ROUNDS"); s != "" {
		var err error
		rounds, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rounds, rand.New(rand.NewPCG(seed, 1))
}

// ledger is what the server acknowledged.
type ledger struct {
	mu      sync.Mutex
	n       int
	changes map[string]string  // external id → id
	samples map[string]float64 // writer → newest value
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// writeChanges reports one change after the other, each twice, until the server is gone.
func writeChanges(ctx context.Context, url, name string, acked *ledger) {
	for i := 0; ; i++ {
		externalID := fmt.Sprintf("%s-%d", name, i)
		body := fmt.Sprintf(`{"kind":"deploy","service":"web","source":"kill-test","external_id":%q}`, externalID)
		for range 2 {
			answer, ok := send(ctx, url+"/api/v1/changes", "application/json", []byte(body), nil)
			if !ok {
				return
			}
			var change struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(answer, &change) != nil || change.ID == "" {
				return // cut off by the kill
			}
			acked.mu.Lock()
			if acked.changes == nil {
				acked.changes = map[string]string{}
			}
			acked.changes[externalID] = change.ID
			acked.n++
			acked.mu.Unlock()
		}
	}
}

// writeSamples sends one sample after the other by remote write 1.0, counting
// up, until the server is gone.
func writeSamples(ctx context.Context, url, name string, acked *ledger) {
	began := time.Now().UnixMilli()
	for i := 1; ; i++ {
		request := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
			Labels:  []prompb.Label{{Name: "__name__", Value: "kill_test"}, {Name: "writer", Value: name}},
			Samples: []prompb.Sample{{Timestamp: began + int64(i), Value: float64(i)}},
		}}}
		raw, err := request.Marshal()
		if err != nil {
			return
		}
		headers := map[string]string{"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
		if _, ok := send(ctx, url+"/api/v1/write", "application/x-protobuf", snappy.Encode(nil, raw), headers); !ok {
			return
		}
		acked.mu.Lock()
		if acked.samples == nil {
			acked.samples = map[string]float64{}
		}
		acked.samples[name] = float64(i)
		acked.n++
		acked.mu.Unlock()
	}
}

// send posts body and returns the answer, and whether it was acknowledged whole.
func send(ctx context.Context, url, contentType string, body []byte, headers map[string]string) ([]byte, bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	req.Header.Set("Content-Type", contentType)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return answer, err == nil && resp.StatusCode < 300
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return -1
	}
	return f
}
