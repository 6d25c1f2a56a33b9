// Package tidemarkserver starts a real Tidemark for the tests: on a free
// loopback port, with a data folder of its own.
package tidemarkserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// startWithin bounds the time from the start of the process to readiness.
	startWithin = 60 * time.Second
	// stopWithin bounds an orderly end; past it the process is killed.
	stopWithin = 15 * time.Second
	// pollEvery is the pause between two looks at what is waited for.
	pollEvery = 50 * time.Millisecond
)

// readyLine is what the server logs when it answers queries.
var readyLine = regexp.MustCompile(`msg=ready url=(\S+)`)

// Server is a running Tidemark.
type Server struct {
	// URL is where it listens, without a slash at the end.
	URL string

	executable string
	folder     string
	cmd        *exec.Cmd
	exited     chan struct{}
	token      string
}

// Options are what a test may choose. The zero value is a server on its
// defaults, which scrapes this host and itself every ten seconds.
type Options struct {
	// Config is the text of the configuration file; "" is none.
	Config string
	// Log is where the server's log goes; nil drops it.
	Log io.Writer
}

// EachSecond is the configuration of a server that scrapes this host and itself
// each second, so that a test soon has samples.
const EachSecond = "global: {scrape_interval: 1s}\n"

// Start runs the executable on the folder and waits until it is ready. Once it
// is, it lives until Stop, whatever becomes of ctx.
func Start(ctx context.Context, executable, folder string, opts Options) (*Server, error) {
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	args := []string{"serve", "--web.listen-address=127.0.0.1:0", "--storage.path=" + folder}
	if opts.Config != "" {
		file := folder + ".yml"
		if err := os.WriteFile(file, []byte(opts.Config), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--config.file="+file)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), executable, args...)
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	write.Close()
	if err != nil {
		read.Close()
		return nil, fmt.Errorf("start %s: %w", executable, err)
	}
	s := &Server{executable: executable, folder: folder, cmd: cmd, exited: make(chan struct{})}
	ready := make(chan string, 1)
	go func() {
		defer close(s.exited)
		defer read.Close()
		follow(read, opts.Log, ready)
		_ = cmd.Wait()
	}()
	select {
	case s.URL = <-ready:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("%s ended before it was ready: %s", executable, cmd.ProcessState)
	case <-ctx.Done():
		s.Stop()
		return nil, ctx.Err()
	case <-time.After(startWithin):
		s.Stop()
		return nil, fmt.Errorf("%s was not ready within %s", executable, startWithin)
	}
}

// follow copies the log until its end and sends the URL of the ready line.
func follow(log io.Reader, to io.Writer, ready chan<- string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(to, lines.Text())
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			ready <- m[1]
		}
	}
}

// Stop ends the server, and kills it when it does not end in time.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopWithin):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
}

// CreateToken defines a token of a role, waits until the server knows it, and
// returns its secret. The first token ends the time in which anybody on this
// machine may write; the server's own methods use the newest operator's token
// from then on.
func (s *Server) CreateToken(ctx context.Context, name, role string) (string, error) {
	cmd := exec.CommandContext(ctx, s.executable, "token", "create", name, "--role="+role, "--storage.path="+s.folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("create the token %s: %w: %s", name, err, stderr.String())
	}
	secret := strings.TrimSpace(string(out))
	known := func() error { return s.do(ctx, secret, http.MethodGet, "/api/v1/changes?limit=1", "", nil) }
	for err := known(); err != nil; err = known() {
		select {
		case <-ctx.Done():
			return "", errors.Join(fmt.Errorf("the server never knew the token %s", name), err)
		case <-time.After(pollEvery):
		}
	}
	if role == "operator" {
		s.token = secret
	}
	return secret, nil
}

// Record sends a change, as JSON, and returns its id.
func (s *Server) Record(ctx context.Context, change string) (string, error) {
	var recorded struct {
		ID string `json:"id"`
	}
	err := s.do(ctx, s.token, http.MethodPost, "/api/v1/changes", change, &recorded)
	return recorded.ID, err
}

// Update finishes or corrects a change: what the JSON says replaces what was there.
func (s *Server) Update(ctx context.Context, id, change string) error {
	return s.do(ctx, s.token, http.MethodPatch, "/api/v1/changes/"+id, change, nil)
}

// PushOTLP sends samples, as the JSON of OTLP.
func (s *Server) PushOTLP(ctx context.Context, metrics string) error {
	return s.do(ctx, s.token, http.MethodPost, "/api/v1/otlp/v1/metrics", metrics, nil)
}

// cpuLine is the metric of the process time that the server has used.
var cpuLine = regexp.MustCompile(`(?m)^process_cpu_seconds_total (\S+)$`)

// CPU returns the process time that the server has used.
func (s *Server) CPU(ctx context.Context) (time.Duration, error) {
	text, err := s.ask(ctx, s.token, http.MethodGet, "/metrics", "")
	if err != nil {
		return 0, err
	}
	found := cpuLine.FindSubmatch(text)
	if found == nil {
		return 0, errors.New("/metrics has no process_cpu_seconds_total")
	}
	seconds, err := strconv.ParseFloat(string(found[1]), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// WaitSamples waits until an instant query answers with something.
func (s *Server) WaitSamples(ctx context.Context, promql string) error {
	for {
		var answer struct {
			Data struct {
				Result []json.RawMessage `json:"result"`
			} `json:"data"`
		}
		err := s.do(ctx, s.token, http.MethodGet, "/api/v1/query?query="+url.QueryEscape(promql), "", &answer)
		if err == nil && len(answer.Data.Result) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s never answered with samples", promql), err, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// do sends a request, with a token if there is one, and reads the answer into
// out, unless that is nil.
func (s *Server) do(ctx context.Context, token, method, path, body string, out any) error {
	answer, err := s.ask(ctx, token, method, path, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// ask sends a request, with a token if there is one, and returns the answer.
func (s *Server) ask(ctx context.Context, token, method, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	return answer, nil
}
