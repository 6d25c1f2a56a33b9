package publish

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/intake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	patience  = time.Minute
)

// receiver is a subscriber's server: it verifies what comes, and answers as it is told.
type receiver struct {
	*testing.T
	*httptest.Server
	hook *intake.Hook

	mu     sync.Mutex
	answer func(n int) int // the status of the nth answer; nil for 204
	n      int
	came   []intake.Delivery
}

func newReceiver(t *testing.T, sender string) *receiver {
	s := intake.HookSettings{Name: "r", Sender: sender}
	if sender == "generic" {
		s.Change = "{kind, external_id: .id, at: .updated, status, start, end, title, service, version}"
	}
	hook, err := intake.NewHook(s)
	require.NoError(t, err)
	r := &receiver{T: t, hook: hook}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		d := intake.Delivery{Header: req.Header, Body: body, Arrived: time.Now()}
		if err == nil {
			err = r.hook.Verify(d, []string{theSecret})
		}
		if err != nil {
			t.Errorf("a delivery proves nothing: %v", err)
		}
		status := http.StatusNoContent
		if r.answer != nil {
			status = r.answer(r.n)
		}
		r.n++
		w.WriteHeader(status)
		if status < 300 {
			r.came = append(r.came, d)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(f func(n int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// titles are those of the changes that came, in order.
func (r *receiver) titles() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.came {
		told, err := r.hook.Read(d)
		require.NoError(r, err)
		list = append(list, told.Reports[0].Title)
	}
	return list
}

func (r *receiver) wait(want ...string) {
	r.Helper()
	require.Eventually(r, func() bool { return fmt.Sprint(r.titles()) == fmt.Sprint(want) }, patience, 5*time.Millisecond, "%v", r.titles())
}

// bench is a Publisher over a real log.
type bench struct {
	*testing.T
	log       *changelog.Log
	publisher *Publisher
	set       *metrics.Set
}

func newBench(t *testing.T) *bench {
	log, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	b := &bench{T: t, log: log}
	b.start()
	return b
}

// start makes a Publisher as a start of Tidemark does.
func (b *bench) start() {
	b.set = metrics.NewSet()
	b.publisher = New(Options{Log: b.log, Logger: slog.New(slog.DiscardHandler), Metrics: b.set, Source: "https://tidemark.example", Version: "v0-test", Wait: time.Millisecond})
	b.Cleanup(b.publisher.Close)
}

func (b *bench) subscribe(r *receiver, alter func(*Subscriber)) {
	s := Subscriber{Name: "them", URL: r.URL, Format: JSON, Secrets: func() ([]string, error) { return []string{theSecret}, nil }}
	if alter != nil {
		alter(&s)
	}
	b.publisher.Apply([]Subscriber{s})
}

// begun waits until the subscriber them is known, and so told of what comes.
func (b *bench) begun() {
	require.Eventually(b, func() bool {
		list, err := b.log.Documents(b.Context(), space)
		return err == nil && len(list) > 0
	}, patience, 5*time.Millisecond)
}

func (b *bench) record(title string) annotate.Change {
	b.Helper()
	result, err := b.log.Record(b.Context(), "test", annotate.Report{Kind: "deploy", Service: "web", Title: title})
	require.NoError(b, err)
	return result.Change
}

func TestSubscribersAreToldInOrder(t *testing.T) {
	b, r := newBench(t), newReceiver(t, "generic")
	b.record("before") // of which nobody asked to be told
	b.subscribe(r, nil)
	b.begun()
	first := b.record("1")
	b.record("2")
	r.wait("1", "2")
	_, err := b.log.Amend(t.Context(), "test", first.ID, annotate.Patch{Set: annotate.Report{Title: "1'"}})
	require.NoError(t, err)
	r.wait("1", "2", "1'")
	require.Equal(t, first.ID+".2", r.came[2].Header.Get("webhook-id"))
	var c annotate.Change
	require.NoError(t, json.Unmarshal(r.came[0].Body, &c))
	require.Equal(t, first, c)

	b.subscribe(r, func(s *Subscriber) { s.Filter.Kinds = []string{"flag"} })
	b.record("3")
	_, err = b.log.Record(t.Context(), "test", annotate.Report{Kind: "flag", Title: "4"})
	require.NoError(t, err)
	r.wait("1", "2", "1'", "4")

	// What it was not told of counts as told: more is not told of the past.
	b.subscribe(r, nil)
	b.record("5")
	r.wait("1", "2", "1'", "4", "5")
	// One that went away, and comes back, is new.
	b.publisher.Apply(nil)
	require.Eventually(t, func() bool {
		list, err := b.log.Documents(t.Context(), space)
		return err == nil && len(list) == 0
	}, patience, 5*time.Millisecond)
	b.record("6")
	b.subscribe(r, nil)
	b.begun()
	b.record("7")
	r.wait("1", "2", "1'", "4", "5", "7")
}

func TestWhoIsAwayIsToldLater(t *testing.T) {
	b, r := newBench(t), newReceiver(t, "generic")
	b.subscribe(r, nil)
	b.begun()
	r.answers(func(n int) int {
		return []int{500, 503, 401, 429, 302, 204}[min(n, 5)]
	})
	b.record("1")
	b.record("2")
	r.wait("1", "2")
	require.EqualValues(t, 5, b.publisher.meters["them"].outcomes[failed].Get())

	// Where it goes down and Tidemark does, too, it is told after both are back.
	r.answers(func(int) int { return 500 })
	b.record("3")
	require.Eventually(t, func() bool { return b.publisher.meters["them"].outcomes[failed].Get() > 7 }, patience, time.Millisecond)
	b.publisher.Close()
	b.record("4")
	r.answers(nil)
	b.start()
	b.subscribe(r, nil)
	r.wait("1", "2", "3", "4")
}

func TestWhatIsRefusedKeepsNothingBack(t *testing.T) {
	b, r := newBench(t), newReceiver(t, "generic")
	b.subscribe(r, nil)
	b.begun()
	r.answers(func(n int) int {
		if n == 0 {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	})
	b.record("1")
	b.record("2")
	r.wait("2")
	require.EqualValues(t, 1, b.publisher.meters["them"].outcomes[refused].Get())
}

// One who does not answer keeps neither the log nor another waiting.
func TestASlowSubscriberCostsOnlyItself(t *testing.T) {
	b, r := newBench(t), newReceiver(t, "generic")
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		select {
		case <-hang:
		case <-req.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(hang) })
	secrets := func() ([]string, error) { return []string{theSecret}, nil }
	b.publisher.Apply([]Subscriber{
		{Name: "slow", URL: slow.URL, Format: JSON, Secrets: secrets},
		{Name: "them", URL: r.URL, Format: JSON, Secrets: secrets},
	})
	require.Eventually(t, func() bool {
		list, err := b.log.Documents(t.Context(), space)
		return err == nil && len(list) == 2
	}, patience, 5*time.Millisecond)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint(i))
		b.record(want[i])
	}
	r.wait(want...)
}

func TestCDEventsAreUnderstood(t *testing.T) {
	b, r := newBench(t), newReceiver(t, "cdevents")
	b.subscribe(r, func(s *Subscriber) { s.Format = CDEvents })
	b.begun()
	began := annotate.At(time.Now().Add(-time.Hour))
	deploy, err := b.log.Record(t.Context(), "test", annotate.Report{
		Kind: "deploy", Service: "web", Environment: "production", Version: "v43", PreviousVersion: "v42", Status: annotate.Succeeded, Start: began, End: annotate.At(began.Add(time.Minute)),
	})
	require.NoError(t, err)
	_, err = b.log.Record(t.Context(), "test", annotate.Report{Source: "pager", ExternalID: "1", Kind: "incident", Title: "Errors", Service: "web", Status: annotate.Running, Start: began})
	require.NoError(t, err)
	_, err = b.log.Record(t.Context(), "test", annotate.Report{Source: "pager", ExternalID: "1", Status: annotate.Succeeded})
	require.NoError(t, err)
	_, err = b.log.Record(t.Context(), "test", annotate.Report{Kind: "deploy", Service: "web", Status: annotate.Failed})
	require.NoError(t, err)
	_, err = b.log.Amend(t.Context(), "test", deploy.Change.ID, annotate.Patch{Set: annotate.Report{Title: "corrected"}})
	require.NoError(t, err)
	require.Eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.came) == 5 }, patience, 5*time.Millisecond)

	var e cloudEvent
	require.NoError(t, json.Unmarshal(r.came[0].Body, &e))
	require.Equal(t, "dev.cdevents.service.upgraded.0.3.0", e.Type)
	require.Equal(t, deploy.Change.ID, e.Data.CustomData.ID)
	told, err := r.hook.Read(r.came[0])
	require.NoError(t, err)
	got := told.Reports[0]
	require.Equal(t, []string{"deploy", "web", "production", "v43", "succeeded"}, []string{got.Kind, got.Service, got.Environment, got.Version, string(got.Status)})
	opens, err := r.hook.Read(r.came[1])
	require.NoError(t, err)
	closes, err := r.hook.Read(r.came[2])
	require.NoError(t, err)
	require.Equal(t, opens.Reports[0].ExternalID, closes.Reports[0].ExternalID, "it opens and closes")
	require.Equal(t, annotate.Running, opens.Reports[0].Status)
	require.Equal(t, annotate.Succeeded, closes.Reports[0].Status)
	custom, err := r.hook.Read(r.came[3])
	require.NoError(t, err)
	require.NotEmpty(t, custom.Nothing, "which CDEvents have no type for")
	corrected, err := r.hook.Read(r.came[4])
	require.NoError(t, err)
	require.NotEmpty(t, corrected.Nothing, "it is not deployed once more")
}
