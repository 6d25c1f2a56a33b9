package driver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tidemark/tidemark/annotate/deploy/supervise"
)

// complaintPatience is how long a supervisor that said nothing may take to say why.
const complaintPatience = time.Second

// child is a supervisor that was just started.
type child struct {
	cmd        *exec.Cmd
	in, out    *os.File
	complaints *complaints
	ended      chan struct{}
}

// begin starts a supervisor, in a session of its own, so that nothing which ends the
// server's ends it.
func begin(self []string, env map[string]string, folder supervise.Folder) (*child, error) {
	if len(self) == 0 {
		return nil, errors.New("how to start the supervisor of a command is not known")
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the supervisor of a command: %w", err)
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the supervisor of a command: %w", err), in.Close())
	}
	defer theirOut.Close()
	c := &child{
		cmd: exec.Command(self[0], self[1:]...), //nolint:noctx // it outlives who starts it
		in:  in, out: out, complaints: &complaints{}, ended: make(chan struct{}),
	}
	c.cmd.Args[0] = os.Args[0] // as this program was called: /proc/self/exe says nothing in a list of processes
	c.cmd.Dir, c.cmd.Env = string(folder), pairs(env)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirIn, theirOut, c.complaints
	c.cmd.WaitDelay = complaintPatience
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the supervisor of a command: %w", err), in.Close(), out.Close())
	}
	// It ends with the supervisor, or with the server: nobody else waits for a child.
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended does not matter: the folder says it
	}()
	return c, nil
}

// ask tells the supervisor what to run, and returns its answer. An error says that
// there is none, or none before ctx was over.
func (c *child) ask(ctx context.Context, spec supervise.Spec) (supervise.Answer, error) {
	defer c.in.Close()
	defer c.out.Close()
	stop := context.AfterFunc(ctx, func() {
		now := time.Now()
		_ = c.in.SetDeadline(now)
		_ = c.out.SetDeadline(now)
	})
	defer stop()
	answer, err := c.exchange(spec)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return answer, fmt.Errorf("its supervisor did not answer: %w", context.Cause(ctx))
	}
	if text := c.complaint(); text != "" {
		return answer, fmt.Errorf("its supervisor did not answer, but said: %s", text)
	}
	return answer, fmt.Errorf("its supervisor did not answer: %w", err)
}

// exchange writes the spec and reads the answer.
func (c *child) exchange(spec supervise.Spec) (answer supervise.Answer, err error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return answer, err
	}
	if _, err := c.in.Write(text); err != nil {
		return answer, err
	}
	if err := c.in.Close(); err != nil {
		return answer, err
	}
	line, err := bufio.NewReader(io.LimitReader(c.out, 64<<10)).ReadBytes('\n')
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return answer, fmt.Errorf("its answer is none: %w", err)
	}
	if answer == (supervise.Answer{}) {
		return answer, errors.New("its answer is empty")
	}
	return answer, nil
}

// complaint is what a supervisor that said nothing wrote to its standard error.
func (c *child) complaint() string {
	select {
	case <-c.ended:
	case <-time.After(complaintPatience):
	}
	return c.complaints.String()
}

// kill ends a supervisor that will never begin anything.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // an error says that it has ended
}

// complaints keeps the beginning of what is written to it.
type complaints struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const maxComplaint = 1000

// Write implements io.Writer.
func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(p[:min(len(p), maxComplaint-c.text.Len())])
	return len(p), nil
}

// String is what was written, as one line.
func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(strings.Fields(strings.ToValidUTF8(c.text.String(), "?")), " ")
}
