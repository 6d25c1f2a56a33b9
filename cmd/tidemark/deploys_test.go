//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy/control"
)

// yard is a folder with a server that deploys web by a script, in which versions say
// what it does.
type yard struct {
	t         *testing.T
	dir, data string
	*tidemark
}

// script waits for a file named as the version, but for versions that say otherwise,
// and notes for each run that it was there.
const script = `#!/bin/sh
echo "$TIDEMARK_DEPLOY_ID" >>ran
echo "deploying $1 over ${TIDEMARK_DEPLOY_PREVIOUS_VERSION:-nothing}, $KEY"
case $1 in
bad*) echo "it does not start" >&2; exit 3 ;;
quick*) exit 0 ;;
esac
until [ -e "go-$1" ]; do sleep 0.02; done
echo "done with $1"
`

func newYard(t *testing.T, more string) *yard {
	y := &yard{t: t, dir: t.TempDir(), data: t.TempDir()}
	y.write("deploy.sh", script, 0o700)
	y.write("key", "s3cr3t-of-the-yard\n", 0o600)
	y.write("tidemark.yml", `
deploys:
  targets:
    - service: web
      environment: production
      diff: https://code.example/web/compare/{previous_version}...{version}
      command: {exec: [./deploy.sh, "{version}"], secrets: {KEY: key}}
`+more, 0o600)
	y.start("127.0.0.1:0")
	t.Cleanup(func() { // whatever a failed test left
		y.write("go-on", "", 0o600)
		_ = exec.Command("pkill", "-f", y.dir).Run()
	})
	return y
}

func (y *yard) write(name, text string, mode fs.FileMode) {
	y.t.Helper()
	require.NoError(y.t, os.WriteFile(filepath.Join(y.dir, name), []byte(text), mode))
}

func (y *yard) start(address string) {
	y.t.Helper()
	y.tidemark = serve(y.t, "--storage.path="+y.data, "--config.file="+filepath.Join(y.dir, "tidemark.yml"), "--web.listen-address="+address)
}

// kill ends the server with kill -9, and starts another in its place.
func (y *yard) kill() {
	y.t.Helper()
	require.Error(y.t, y.stop(syscall.SIGKILL))
	y.start(strings.TrimPrefix(y.url, "http://"))
}

func (y *yard) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tidemark", args...)
	cmd.Dir = y.dir
	cmd.Env = append(os.Environ(), "TIDEMARK_SERVER="+y.url, "HOME="+y.dir, "TZ=UTC", "TIDEMARK_SPOOL="+filepath.Join(y.dir, "spool"))
	return cmd
}

// run runs a command that ends with the code, and returns what it wrote to its standard
// output and error.
func (y *yard) run(code int, args ...string) (string, string) {
	y.t.Helper()
	cmd := y.command(args...)
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	if err := cmd.Run(); err != nil {
		_, exited := errors.AsType[*exec.ExitError](err)
		require.True(y.t, exited, err)
	}
	require.Equal(y.t, code, cmd.ProcessState.ExitCode(), "%s%s", &out, &told)
	return out.String(), told.String()
}

// ask asks for a deploy and does not wait for it.
func (y *yard) ask(version string, more ...string) control.View {
	y.t.Helper()
	out, _ := y.run(0, append([]string{"deploy", "web", "--version", version, "--detach", "--output", "json"}, more...)...)
	return y.view(out)
}

func (y *yard) view(text string) (v control.View) {
	y.t.Helper()
	require.NoError(y.t, json.Unmarshal([]byte(text), &v), text)
	return v
}

// reaches waits until a deploy has a status, and its change the same.
func (y *yard) reaches(id string, status annotate.Status) control.View {
	y.t.Helper()
	var v control.View
	require.Eventually(y.t, func() bool {
		v = y.view(y.get("/api/v1/deploys/" + id))
		return v.Status == status
	}, patience, 10*time.Millisecond, "%s is not %s", id, status)
	var change annotate.Change
	require.NoError(y.t, json.Unmarshal([]byte(y.get("/api/v1/changes/"+id)), &change))
	require.Equal(y.t, status, change.Status)
	return v
}

func (y *yard) log(id string) string { return y.get("/api/v1/deploys/" + id + "/log") }

// supervisors are the processes that watch over commands of this yard.
func (y *yard) supervisors() []int {
	found, _ := filepath.Glob(filepath.Join(y.data, "deploys", "*", "claim"))
	var pids []int
	for _, path := range found {
		var claim struct {
			PID int `json:"pid"`
		}
		text, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(text, &claim) == nil && claim.PID > 0 {
			pids = append(pids, claim.PID)
		}
	}
	return pids
}

// TestDeploysFromTheCommandLine does what people do.
func TestDeploysFromTheCommandLine(t *testing.T) {
	y := newYard(t, "")
	out, told := y.run(0, "deploy", "web", "--env", "production", "--version", "quick1", "-m", "why")
	require.Contains(t, out, "deploying quick1 over nothing, ***\n", "the secret is masked")
	require.Contains(t, told, "of web in production quick1")
	require.Contains(t, told, "succeeded after")

	out, told = y.run(codeFailed, "deploy", "web", "--version", "bad2")
	require.Contains(t, out, "deploying bad2 over quick1, ***\nit does not start\n")
	require.Contains(t, told, "failed: ")
	require.Contains(t, told, "3")

	_, told = y.run(codeFailed, "deploy", "web", "--version=--force")
	require.Contains(t, told, "begins with a dash")

	slow := y.ask("slow3")
	y.reaches(slow.ID, annotate.Running)
	waiting := y.command("deploy", "web", "--version", "quick4")
	stderr := &lockedBuffer{}
	waiting.Stderr = stderr
	require.NoError(t, waiting.Start())
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), "waits behind "+slow.ID) }, patience, 10*time.Millisecond)
	y.write("go-slow3", "", 0o600)
	require.NoError(t, waiting.Wait(), stderr)
	require.Contains(t, y.log(slow.ID), "done with slow3\n")

	cancelled := y.ask("slow5")
	y.reaches(cancelled.ID, annotate.Running)
	y.run(0, "deploy", "cancel", cancelled.ID, "-m", "wrong branch")
	require.Contains(t, y.reaches(cancelled.ID, annotate.Cancelled).Outcome, "wrong branch")

	bad := y.ask("quick6")
	y.reaches(bad.ID, annotate.Succeeded)
	out, told = y.run(0, "deploy", "rollback", "web", "-m", "errors")
	require.Contains(t, out, "deploying quick4 over quick6")
	require.Contains(t, y.get("/api/v1/changes?service=web&limit=1"), `"undoes":"`+bad.ID+`"`, told)

	_, told = y.run(codeFailed, "deploy", "rollback", "web")
	require.Contains(t, told, "is a rollback itself, to quick4")
	_, told = y.run(codeFailed, "deploy", "rollback", bad.ID)
	require.Contains(t, told, "was rolled back already")
	_, told = y.run(codeFailed, "deploy", "rollback", "api")
	require.Contains(t, told, "the log has no deploy of api")

	out, _ = y.run(0, "hold", "add", "--for", "2h", "-m", "the database moves", "--output", "json")
	held := y.view(out)
	_, told = y.run(codeHeld, "deploy", "web", "--version", "quick7")
	require.Contains(t, told, "web in production is held by ")
	y.run(0, "deploy", "web", "--version", "quick7", "--override", held.ID, "-m", "the outage")

	out, _ = y.run(0, "deploy", "list", "--output", "table")
	require.Regexp(t, `quick7 +succeeded`, out)
	out, _ = y.run(0, "deploy", "targets", "--output", "table")
	require.Regexp(t, `web +production +command`, out)
	out, _ = y.run(0, "deploy", "log", bad.ID)
	require.Contains(t, out, "deploying quick6")
	require.Contains(t, y.get("/metrics"), `tidemark_deploys_ended_total{status="cancelled"} 1`)

	// No secret is anywhere in what Tidemark keeps.
	require.NoError(t, filepath.WalkDir(y.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotContains(t, string(text), "s3cr3t-of-the-yard", path)
		}
		return nil
	}))
}

// TestADeployOutlivesTheServer kills the server in the middle of a deploy.
func TestADeployOutlivesTheServer(t *testing.T) {
	y := newYard(t, "")
	v := y.ask("slow1")
	require.Eventually(t, func() bool { return strings.Contains(y.log(v.ID), "deploying slow1") }, patience, 10*time.Millisecond)
	follow := y.command("deploy", "log", "--follow", v.ID)
	out := &lockedBuffer{}
	follow.Stdout = out
	require.NoError(t, follow.Start())
	waiting := y.ask("quick2")
	y.kill()
	y.reaches(v.ID, annotate.Running)
	y.write("go-slow1", "", 0o600)
	require.NoError(t, follow.Wait(), "who follows goes on, too")
	require.Regexp(t, `(?s)^[^\n]*\n?deploying slow1 over nothing, \*\*\*\ndone with slow1\n$`, out.String(), "and sees each line once")
	y.reaches(v.ID, annotate.Succeeded)
	y.reaches(waiting.ID, annotate.Succeeded)

	// It ends while nobody is there to see it.
	v = y.ask("slow3")
	require.Eventually(t, func() bool { return strings.Contains(y.log(v.ID), "deploying slow3") }, patience, 10*time.Millisecond)
	address := strings.TrimPrefix(y.url, "http://")
	require.Error(t, y.stop(syscall.SIGKILL))
	y.write("go-slow3", "", 0o600)
	log := filepath.Join(y.data, "deploys", v.ID, "log")
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), "done with slow3")
	}, patience, 10*time.Millisecond)
	y.start(address)
	y.reaches(v.ID, annotate.Succeeded)

	// Its supervisor is killed, and with it the command: nobody can tell.
	v = y.ask("slow5")
	require.Eventually(t, func() bool { return strings.Contains(y.log(v.ID), "deploying slow5") }, patience, 10*time.Millisecond)
	killed := 0
	for _, pid := range y.supervisors() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	require.Equal(t, 1, killed)
	y.reaches(v.ID, annotate.Lost)
	ran, err := os.ReadFile(filepath.Join(y.dir, "ran"))
	require.NoError(t, err)
	require.Equal(t, 4, strings.Count(string(ran), "\n"), "each ran once")
}

// TestKillDeploys ends the server with kill -9 at random moments while deploys are
// asked for, cancelled and rolled back. Each that was acknowledged comes to an end that is true, and
// none runs twice. TIDEMARK_KILL_ROUNDS sets how many rounds there are.
func TestKillDeploys(t *testing.T) {
	rounds, random := killRounds(t)
	y := newYard(t, "  keep: 1000\n")
	acknowledged := map[string]bool{}
	for round := range rounds {
		dead := time.AfterFunc(time.Duration(random.IntN(600))*time.Millisecond, func() { _ = y.cmd.Process.Kill() })
		for i := 0; ; i++ {
			body := fmt.Sprintf(`{"service": "web", "version": "quick%d.%d", "external_id": "%d/%d"}`, round, i, round, i)
			answer, ok := send(t.Context(), y.url+"/api/v1/deploys", "application/json", []byte(body), nil)
			var v control.View
			if ok && json.Unmarshal(answer, &v) == nil && v.ID != "" {
				acknowledged[v.ID] = true
			}
			if _, err := http.Get(y.url + "/-/healthy"); err != nil {
				break
			}
			if v.ID != "" && random.IntN(5) == 0 {
				_, _ = send(t.Context(), y.url+"/api/v1/deploys/"+v.ID+"/cancel", "application/json", []byte(`{"reason": "by the test"}`), nil)
			}
		}
		dead.Stop()
		<-y.exited
		y.start(strings.TrimPrefix(y.url, "http://"))
	}
	var list struct {
		Deploys []control.View `json:"deploys"`
	}
	require.Eventually(t, func() bool {
		require.NoError(t, json.Unmarshal([]byte(y.get("/api/v1/deploys?limit=1000")), &list))
		for _, v := range list.Deploys {
			if !v.Status.Ended() {
				return false
			}
		}
		return true
	}, patience, 50*time.Millisecond)
	text, err := os.ReadFile(filepath.Join(y.dir, "ran"))
	require.NoError(t, err)
	ran := map[string]int{}
	for id := range strings.FieldsSeq(string(text)) {
		ran[id]++
		require.Equal(t, 1, ran[id], "%s ran twice", id)
	}
	ends := map[annotate.Status]int{}
	for _, v := range list.Deploys {
		delete(acknowledged, v.ID)
		ends[v.Status]++
		y.reaches(v.ID, v.Status)
		switch v.Status {
		case annotate.Succeeded:
			require.Equal(t, 1, ran[v.ID], "%s is said to have succeeded and did not run", v.ID)
		case annotate.Failed:
			require.Contains(t, v.Outcome, "did not begin")
			require.Zero(t, ran[v.ID], "%s is said not to have begun and ran", v.ID)
		case annotate.Cancelled:
			if strings.HasPrefix(v.Outcome, "never begun") {
				require.Zero(t, ran[v.ID], "%s is said not to have begun and ran", v.ID)
			}
		default:
			t.Fatalf("%s is %s: %s", v.ID, v.Status, v.Outcome)
		}
	}
	require.Empty(t, acknowledged, "what was acknowledged is lost")
	t.Logf("%d rounds, %d deploys: %v", rounds, len(list.Deploys), ends)
}
