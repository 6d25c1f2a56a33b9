package hooks_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
)

const theSecret = "correct horse"

// bench is Hooks over a real log.
type bench struct {
	*testing.T
	hooks   *hooks.Hooks
	log     *changelog.Log
	metrics *metrics.Set
	logged  *bytes.Buffer
}

func newBench(t *testing.T, over func(hooks.Log) hooks.Log) *bench {
	t.Helper()
	log, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	b := &bench{T: t, log: log, metrics: metrics.NewSet(), logged: &bytes.Buffer{}}
	var under hooks.Log = log
	if over != nil {
		under = over(log)
	}
	b.hooks = hooks.New(hooks.Options{Log: under, Logger: slog.New(slog.NewTextHandler(b.logged, nil)), Metrics: b.metrics})
	b.apply(`{kind: "deploy", external_id: .id, at: .at, service: .app, status: (.status // "succeeded")}`)
	return b
}

// apply sets up the hook app with a program.
func (b *bench) apply(program string) {
	b.Helper()
	hook, err := intake.NewHook(intake.HookSettings{Name: "app", Sender: "generic", Change: program})
	require.NoError(b, err)
	b.hooks.Apply([]hooks.Setup{{Hook: hook, Secrets: func() ([]string, error) { return []string{"another", theSecret}, nil }}})
}

func signed(body, secret string) intake.Delivery {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return intake.Delivery{Header: http.Header{
		"X-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}, "X-App-Event": {"deployed"}, "Cookie": {"hunter2"},
	}, Body: []byte(body)}
}

func (b *bench) take(body string) hooks.Receipt {
	b.Helper()
	receipt, err := b.hooks.Take(b.Context(), "app", signed(body, theSecret))
	require.NoError(b, err)
	return receipt
}

// outcomes are what became of the deliveries of the hook app, but for what never did.
func (b *bench) outcomes() map[string]uint64 {
	b.Helper()
	list, err := b.hooks.List(b.Context())
	require.NoError(b, err)
	counts := map[string]uint64{}
	for name, n := range list[0].Outcomes {
		if n > 0 {
			counts[name] = n
		}
	}
	return counts
}

func (b *bench) kept() []annotate.Delivery {
	b.Helper()
	list, err := b.hooks.Kept(b.Context(), "app", 0, 100)
	require.NoError(b, err)
	return list
}

var at = time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)

func TestADeliveryIsRecordedOnce(t *testing.T) {
	b := newBench(t, nil)
	body := fmt.Sprintf(`{"id": "1", "app": "web", "at": %q}`, at)
	first := b.take(body)
	require.True(t, first.Changes[0].Created)
	for range 10 {
		again := b.take(body)
		require.False(t, again.Changes[0].Created || again.Changes[0].Updated)
		require.Equal(t, first.Changes[0].Change, again.Changes[0].Change)
	}
	require.Equal(t, map[string]uint64{"recorded": 1, "known": 10}, b.outcomes())
	revisions, err := b.log.Revisions(t.Context(), first.Changes[0].Change.ID)
	require.NoError(t, err)
	require.Len(t, revisions, 1)
	require.Equal(t, "hook:app", revisions[0].By)
}

func TestOnlyTheHooksSenderIsHeard(t *testing.T) {
	b := newBench(t, nil)
	_, err := b.hooks.Take(t.Context(), "app", signed(`{"id": "1"}`, "wrong horse"))
	require.ErrorAs(t, err, new(*intake.Unverified))
	_, err = b.hooks.Take(t.Context(), "nobody", signed(`{"id": "1"}`, theSecret))
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
	require.NotContains(t, err.Error(), "app", "who has no secret learns no names")
	require.Equal(t, map[string]uint64{"unverified": 1}, b.outcomes())
	require.Empty(t, b.kept(), "what nobody signed is not kept")
}

func TestASecretThatCannotBeReadIsNotTheSendersFault(t *testing.T) {
	b := newBench(t, nil)
	hook, err := intake.NewHook(intake.HookSettings{Name: "app", Sender: "github"})
	require.NoError(t, err)
	b.hooks.Apply([]hooks.Setup{{Hook: hook, Secrets: func() ([]string, error) { return nil, errors.New("no such file") }}})
	_, err = b.hooks.Take(t.Context(), "app", signed(`{}`, theSecret))
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(err), "it may come again")
	require.NotContains(t, err.Error(), "file")
	require.Contains(t, b.logged.String(), "no such file")
}

func TestWhatIsNotUnderstoodIsKeptAndReadAgain(t *testing.T) {
	b := newBench(t, nil)
	body := fmt.Sprintf(`{"id": "1", "app": 7, "at": %q}`, at)
	receipt := b.take(body)
	require.Empty(t, receipt.Changes)
	require.Contains(t, receipt.Why, "service: is a number")
	require.Equal(t, receipt.Kept, b.take(body).Kept, "a retry is not kept twice")
	require.Contains(t, b.logged.String(), "id=1")
	require.NotContains(t, b.logged.String(), "is a number", "it may quote the body")

	kept := b.kept()
	require.Len(t, kept, 1)
	require.Equal(t, map[string]string{"x-app-event": "deployed"}, kept[0].Header, "no signature, no cookie")
	one, err := b.hooks.KeptOne(t.Context(), "app", receipt.Kept)
	require.NoError(t, err)
	require.Equal(t, body, string(one.Body))

	again, err := b.hooks.Replay(t.Context(), "app", receipt.Kept)
	require.NoError(t, err)
	require.Equal(t, receipt.Kept, again.Kept, "nothing was mended")

	b.apply(`{kind: "deploy", external_id: .id, at: .at, service: "app-\(.app)", labels: {event: $headers["x-app-event"]}}`)
	again, err = b.hooks.Replay(t.Context(), "app", receipt.Kept)
	require.NoError(t, err)
	require.Zero(t, again.Kept)
	require.Equal(t, "app-7", again.Changes[0].Change.Service)
	require.Equal(t, map[string]string{"event": "deployed"}, again.Changes[0].Change.Labels)
	require.Empty(t, b.kept())
	_, err = b.hooks.Replay(t.Context(), "app", receipt.Kept)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))

	require.NotZero(t, b.take("no JSON").Kept)
	require.NoError(t, b.hooks.Drop(t.Context(), "app", b.kept()[0].ID))
	require.Empty(t, b.kept())
}

// A hook that is set up no more still shows what it kept.
func TestWhatIsKeptOutlivesItsHook(t *testing.T) {
	b := newBench(t, nil)
	b.take("no JSON")
	b.hooks.Apply(nil)
	list, err := b.hooks.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []hooks.Status{{Name: "app", Kept: 1}}, list)
	require.Len(t, b.kept(), 1)
	_, err = b.hooks.Replay(t.Context(), "app", b.kept()[0].ID)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
}

func TestOneBadChangeLosesNoOther(t *testing.T) {
	b := newBench(t, nil)
	b.apply(`.[] | {kind, external_id: .id, at: .at}`)
	body := fmt.Sprintf(`[{"id": "1", "kind": "deploy", "at": %[1]q}, {"id": "2", "kind": "No Kind", "at": %[1]q}, {"id": "3", "kind": "flag", "at": %[1]q}]`, at)
	receipt := b.take(body)
	require.Len(t, receipt.Changes, 2)
	require.NotZero(t, receipt.Kept)
	require.Contains(t, receipt.Why, "2: kind")

	b.apply(`.[] | {kind: (.kind | ascii_downcase | gsub(" "; "-")), external_id: .id, at: .at}`)
	again, err := b.hooks.Replay(t.Context(), "app", receipt.Kept)
	require.NoError(t, err)
	require.Zero(t, again.Kept)
	require.Len(t, again.Changes, 3)
	created := 0
	for _, c := range again.Changes {
		if c.Created {
			created++
		}
	}
	require.Equal(t, 1, created, "the others were there")
}

func TestEventsWithoutAChangeAreCounted(t *testing.T) {
	b := newBench(t, nil)
	b.apply(`select(.deployed) | {kind: "deploy"}`)
	receipt := b.take(`{}`)
	require.NotEmpty(t, receipt.Nothing)
	require.Equal(t, map[string]uint64{"ignored": 1}, b.outcomes())
	var text bytes.Buffer
	b.metrics.WritePrometheus(&text)
	require.Contains(t, text.String(), `tidemark_hook_deliveries_total{hook="app",outcome="ignored"} 1`)
}

// failing is a log that cannot keep anything.
type failing struct{ hooks.Log }

func (failing) Observe(context.Context, string, []annotate.Report) ([]annotate.Result, error) {
	return nil, &annotate.Error{Code: annotate.Unavailable, Message: "the disk is full"}
}

func (failing) KeepDelivery(context.Context, annotate.Delivery) (annotate.Delivery, error) {
	return annotate.Delivery{}, &annotate.Error{Code: annotate.TooMany, Message: "as many are kept already"}
}

func TestWhatCannotBeKeptIsNotAcknowledged(t *testing.T) {
	b := newBench(t, func(l hooks.Log) hooks.Log { return failing{l} })
	for body, code := range map[string]annotate.Code{`{"id": "1"}`: annotate.Unavailable, "no JSON": annotate.TooMany} {
		_, err := b.hooks.Take(t.Context(), "app", signed(body, theSecret))
		require.Equal(t, code, annotate.CodeOf(err))
	}
	require.Equal(t, map[string]uint64{"failed": 2}, b.outcomes())
}

// A deploy whose end never comes is lost; and not, once it comes.
func TestADeployThatNeverEndsIsLost(t *testing.T) {
	b := newBench(t, nil)
	now := time.Now()
	log, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{Now: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	b.log = log
	b.hooks = hooks.New(hooks.Options{Log: log, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), Now: func() time.Time { return now }})
	b.apply(`{kind: "deploy", external_id: .id, at: .at, status: .status}`)
	say := func(status string, at time.Time) annotate.Change {
		return b.take(fmt.Sprintf(`{"id": "1", "status": %q, "at": %q}`, status, at.UTC().Format(time.RFC3339))).Changes[0].Change
	}
	began := now.Add(-time.Minute)
	id := say("running", began).ID
	state := func() annotate.Change {
		require.NoError(t, b.hooks.Sweep(t.Context()))
		c, err := log.Get(t.Context(), id)
		require.NoError(t, err)
		return c
	}
	now = now.Add(23 * time.Hour)
	require.Equal(t, annotate.Running, state().Status)
	now = now.Add(2 * time.Hour)
	require.Equal(t, annotate.Lost, state().Status)
	require.Equal(t, 2, state().Revision, "once")
	now = now.Add(48 * time.Hour)
	late := say("succeeded", began.Add(10*time.Minute))
	require.Equal(t, annotate.Succeeded, late.Status)
	require.Equal(t, began.Add(10*time.Minute).Unix(), late.End.Unix())
	require.Equal(t, annotate.Succeeded, state().Status)
}

// Deliveries come while hooks are set up anew, and none is lost.
func TestDeliveriesGoOnDuringAReload(t *testing.T) {
	b := newBench(t, nil)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			body := fmt.Sprintf(`{"id": "%d", "at": %q}`, i, at)
			receipt, err := b.hooks.Take(context.Background(), "app", signed(body, theSecret))
			if err != nil || len(receipt.Changes) != 1 {
				t.Errorf("%v %v", receipt, err)
			}
		})
	}
	for range 20 {
		b.apply(`{kind: "deploy", external_id: .id, at: .at}`)
	}
	all.Wait()
	require.Equal(t, map[string]uint64{"recorded": 40}, b.outcomes())
}

func BenchmarkTake(b *testing.B) {
	log, err := changelog.Open(b.Context(), filepath.Join(b.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(b, err)
	defer log.Close()
	h := hooks.New(hooks.Options{Log: log, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	hook, err := intake.NewHook(intake.HookSettings{Name: "app", Sender: "generic", Change: `{kind: "deploy", external_id: .id, at: .at, service: .app}`})
	require.NoError(b, err)
	h.Apply([]hooks.Setup{{Hook: hook, Secrets: func() ([]string, error) { return []string{theSecret}, nil }}})
	pad := strings.Repeat("x", 8<<10)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		d := signed(fmt.Sprintf(`{"id": "%d", "app": "web", "at": %q, "more": %q}`, n, at, pad), theSecret)
		if _, err := h.Take(b.Context(), "app", d); err != nil {
			b.Fatal(err)
		}
	}
}
