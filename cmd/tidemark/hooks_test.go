//go:build e2e

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
)

const hookSecret = "s3cr3t-of-the-hooks"

// hooksFile is a configuration with a hook of GitHub and one of our own.
const hooksFile = `
hooks:
  github: {sender: github, secret_file: secret, labels: {team: shop}}
  app:
    sender: generic
    secret_file: secret
    change: '{kind: "deploy", external_id: .id, at: .at, service: .app, status: (.status // "succeeded")}'
`

// hookYard is a folder with a server that has hooks.
func hookYard(t *testing.T) (dir string, serveAgain func() *tidemark) {
	dir, data := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(dir, "secret"), hookSecret+"\n")
	file := writeFile(t, filepath.Join(dir, "tidemark.yml"), hooksFile)
	return dir, func() *tidemark { return serve(t, "--storage.path="+data, "--config.file="+file) }
}

// signature is the header with which GitHub signs a body.
func signature(body []byte) map[string]string {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write(body)
	return map[string]string{"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

// deliver sends a delivery, signed as GitHub does, and returns what became of it.
func deliver(ctx context.Context, server, hook, event string, body []byte) (r hooks.ReceiptView, ok bool) {
	headers := signature(body)
	headers["X-GitHub-Event"] = event
	answer, ok := send(ctx, server+"/hooks/"+hook, "application/json", body, headers)
	return r, ok && json.Unmarshal(answer, &r) == nil
}

// deploymentStatus is the payload of a status of deployment n.
func deploymentStatus(n int, state string, began, at time.Time) []byte {
	return fmt.Appendf(nil, `{"action": "created",
		"deployment_status": {"id": %[1]d, "state": %[2]q, "description": "", "environment": "production", "created_at": %[4]q, "log_url": "https://github.com/acme/web/actions/runs/%[1]d"},
		"deployment": {"id": %[1]d, "sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "ref": "v1.%[1]d.0", "task": "deploy", "environment": "production", "creator": {"login": "alice", "type": "User"}, "created_at": %[3]q},
		"repository": {"id": 186853002, "name": "web", "full_name": "acme/web", "html_url": "https://github.com/acme/web", "pad": %[5]q}}`,
		n, state, began.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339), strings.Repeat("x", 6<<10))
}

// Deployments of GitHub's become one change each, in the terminal and in PromQL, also
// where the end comes first; and the command line shows and mends what was not understood.
func TestHooks(t *testing.T) {
	dir, again := hookYard(t)
	s := again()
	began := time.Now().Add(-10 * time.Minute)
	for _, state := range []string{"success", "in_progress", "success"} {
		r, ok := deliver(t.Context(), s.url, "github", "deployment_status", deploymentStatus(1, state, began, began.Add(map[string]time.Duration{"in_progress": time.Minute, "success": 5 * time.Minute}[state])))
		require.True(t, ok)
		require.Len(t, r.Changes, 1)
		require.Equal(t, annotate.Succeeded, r.Changes[0].Status)
	}
	s.waitValue(`tidemark_version_info{service="web", environment="production", version="v1.1.0"}`, "1")

	command := func(stdin string, args ...string) (string, error) {
		cmd := exec.Command("tidemark", args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "TIDEMARK_SERVER="+s.url, "TZ=UTC")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := command("", "change", "list", "--output=table")
	require.NoError(t, err, out)
	require.Regexp(t, `4m +deploy +web +production +v1\.1\.0 +alice +succeeded`, out)

	r, ok := deliver(t.Context(), s.url, "app", "", []byte(`{"id": "1", "app": 7}`))
	require.True(t, ok)
	require.NotZero(t, r.Kept)
	out, err = command("", "hook", "list", "--output=table")
	require.NoError(t, err, out)
	require.Regexp(t, `app +generic +[-0-9: ]+ +1 +1 kept`, out)
	require.Regexp(t, `github +github +[-0-9: ]+ +0 +1 known, 2 recorded`, out)
	out, err = command("", "hook", "deliveries", "app", "--output=table")
	require.NoError(t, err, out)
	require.Contains(t, out, "service: is a number; it must be a string")
	show := exec.Command("tidemark", "hook", "show", "app", fmt.Sprint(r.Kept))
	show.Env = append(os.Environ(), "TIDEMARK_SERVER="+s.url)
	shown, err := show.Output()
	require.NoError(t, err)
	payload := string(shown)
	require.Equal(t, `{"id": "1", "app": 7}`, payload, "byte for byte")
	out, err = command(payload, "check", "hook", "app")
	require.Error(t, err)
	require.Contains(t, out, "not understood: service: is a number")
	_, err = command("", "hook", "replay", "app", "--all")
	require.Error(t, err, "nothing was mended")

	mended := strings.Replace(hooksFile, "service: .app", `service: "app-\(.app)"`, 1)
	writeFile(t, filepath.Join(dir, "tidemark.yml"), mended)
	out, err = command(payload, "check", "hook", "app")
	require.NoError(t, err, out)
	require.Contains(t, out, `"service": "app-7"`)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool {
		out, err = command("", "hook", "replay", "app", "--all", "--output=table")
		return err == nil
	}, patience, 50*time.Millisecond)
	require.Regexp(t, `: created [-0-9a-f]{36}, succeeded\n$`, out)
	out, err = command("", "hook", "deliveries", "app")
	require.NoError(t, err)
	require.Empty(t, out)
}

// A delivery that was answered is there after kill -9: as a change, once, or as it came.
func TestKillLosesNoDelivery(t *testing.T) {
	rounds, random := killRounds(t)
	_, again := hookYard(t)
	var mu sync.Mutex
	acked, kept := map[string]string{}, map[int64]bool{}
	n := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked) + len(kept)
	}
	for round := range rounds {
		s := again()
		ctx, cancel := context.WithCancel(t.Context())
		var senders sync.WaitGroup
		for w := range 4 {
			senders.Go(func() {
				for i := 0; ; i++ {
					id, app := fmt.Sprintf("r%dw%d-%d", round, w, i), `"web"`
					if i%5 == 4 {
						app = "7" // which nobody understands
					}
					body := fmt.Appendf(nil, `{"id": %q, "app": %s, "at": %q}`, id, app, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
					for range 2 { // and again
						r, ok := deliver(ctx, s.url, "app", "", body)
						if !ok {
							return
						}
						mu.Lock()
						if r.Kept != 0 {
							kept[r.Kept] = true
						} else {
							acked[id] = r.Changes[0].ID
						}
						mu.Unlock()
					}
				}
			})
		}
		least := n() + 20 + random.IntN(150)
		require.Eventually(t, func() bool { return n() >= least }, patience, time.Millisecond)
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGKILL))
		<-s.exited
		cancel()
		senders.Wait()
	}
	s := again()
	there := map[string]string{}
	for _, c := range allChanges(t, s) {
		require.NotContains(t, there, c.ExternalID, "a change was doubled")
		there[c.ExternalID] = c.ID
	}
	for id, change := range acked {
		require.Equal(t, change, there[id], "acknowledged delivery %s", id)
	}
	for id := range kept {
		s.get(fmt.Sprintf("/api/v1/hooks/app/deliveries/%d", id))
	}
	t.Logf("%d rounds: %d changes and %d kept deliveries acknowledged; %d changes there", rounds, len(acked), len(kept), len(there))
}

// allChanges are all changes of a server, newest first.
func allChanges(t *testing.T, s *tidemark) (all []annotate.Change) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Changes []annotate.Change
			Next    *string
		}
		require.NoError(t, json.Unmarshal([]byte(s.get("/api/v1/changes?limit=1000"+cursor)), &page))
		all = append(all, page.Changes...)
		if page.Next == nil {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(*page.Next)
	}
}

// TestHookLoad sends 200 deliveries a second for as long as TIDEMARK_HOOK_LOAD says, each
// when it is due and not when there is an answer to the one before, beside the usual
// scraping: "make hook-load". It says how long the answers took, and fails where one was
// lost.
func TestHookLoad(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("TIDEMARK_HOOK_LOAD"))
	if err != nil {
		t.Skip("TIDEMARK_HOOK_LOAD does not say for how long")
	}
	const rate = 200
	_, again := hookYard(t)
	s := again()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	total := int(lasts.Seconds() * rate)
	took := make([]time.Duration, total)
	var failed atomic.Int64
	var all sync.WaitGroup
	states := []string{"in_progress", "success"}
	start := time.Now()
	for i := range total {
		due := start.Add(time.Duration(i) * time.Second / rate)
		time.Sleep(time.Until(due))
		all.Go(func() {
			n := i / 2
			began := start.Add(-time.Hour).Add(time.Duration(n) * time.Second / 10)
			body := deploymentStatus(n+1, states[i%2], began, began.Add(time.Duration(i%2)*time.Minute))
			req, err := http.NewRequest(http.MethodPost, s.url+"/hooks/github", bytes.NewReader(body))
			if err != nil {
				failed.Add(1)
				return
			}
			for name, value := range signature(body) {
				req.Header.Set(name, value)
			}
			req.Header.Set("X-GitHub-Event", "deployment_status")
			resp, err := client.Do(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				failed.Add(1)
			}
			if err == nil {
				resp.Body.Close()
			}
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[int(share*float64(len(took)-1))] }
	t.Logf("%d deliveries in %s: %d failed; half within %s, 99%% within %s, 99.9%% within %s, all within %s",
		total, time.Since(start).Round(time.Second), failed.Load(), at(.5), at(.99), at(.999), at(1))
	require.Zero(t, failed.Load())
	changes := allChanges(t, s)
	require.Len(t, changes, total/2, "one for each deployment")
	for _, c := range changes {
		require.Equal(t, annotate.Succeeded, c.Status)
		require.Equal(t, time.Minute, c.End.Sub(c.Start.Time), "from in_progress to success")
	}
}
