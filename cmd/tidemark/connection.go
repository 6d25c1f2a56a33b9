package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/spool"
)

// connection is how a command reaches a server. The token itself is no flag: it
// would show in the list of processes.
type connection struct {
	Server    string `default:"http://127.0.0.1:9797" env:"TIDEMARK_SERVER" placeholder:"URL" help:"The server's URL (${default})."`
	TokenFile string `env:"TIDEMARK_TOKEN_FILE" type:"path" placeholder:"FILE" help:"File that holds the token; the token itself may also be in TIDEMARK_TOKEN."`
	Spool     string `env:"TIDEMARK_SPOOL" type:"path" placeholder:"DIR" help:"Folder for reports that the server could not take (~/.local/state/tidemark/spool)."`
}

// maxToken is how long a token file may be, in bytes.
const maxToken = 4 << 10

// token returns the token, empty for none.
func (c connection) token() (string, error) {
	if c.TokenFile == "" {
		return strings.TrimSpace(os.Getenv("TIDEMARK_TOKEN")), nil
	}
	file, err := os.Open(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || len(b) > maxToken {
		return "", fmt.Errorf("the token file %s must hold one token and nothing else", c.TokenFile)
	}
	return token, nil
}

// dial returns a client for the server, of which each request may take timeout.
func (c connection) dial(timeout time.Duration, io streams) (*client.Client, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	return c.dialWith(token, timeout, io)
}

func (c connection) dialWith(token string, timeout time.Duration, io streams) (*client.Client, error) {
	if timeout <= 0 {
		return nil, fmt.Errorf("--timeout: %s must be more than 0", timeout)
	}
	to, err := client.New(client.Options{Server: c.Server, Token: token, Timeout: timeout})
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	if to.ExposesToken() {
		io.warn("the token is sent to " + to.Server() + " unencrypted; use https")
	}
	return to, nil
}

// openSpool returns the spool that the flag names, and otherwise the first of
// the usual folders that can be written to.
func (c connection) openSpool() (*spool.Spool, error) {
	if c.Spool != "" {
		return spool.Open(c.Spool)
	}
	var errs []error
	for _, dir := range spoolDirs() {
		s, err := spool.Open(dir)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// spoolDirs returns where a spool may be, best first.
func spoolDirs() []string {
	var dirs []string
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		dirs = append(dirs, filepath.Join(state, "tidemark", "spool"))
	} else if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		dirs = append(dirs, filepath.Join(home, ".local", "state", "tidemark", "spool"))
	}
	shared := filepath.Join(os.TempDir(), "tidemark-"+strconv.Itoa(os.Getuid()))
	if info, err := os.Lstat(shared); err == nil && !info.IsDir() {
		return dirs // not ours, where everybody can make files
	}
	return append(dirs, shared)
}

// outbox returns an outbox to the server. A spool that cannot be opened is
// only a warning: the reports can still be sent.
func (c connection) outbox(to *client.Client, io streams) *client.Outbox {
	s, err := c.openSpool()
	if err != nil {
		io.warn(fmt.Sprintf("reports cannot be kept for later: %v", err))
		s = nil
	}
	return client.NewOutbox(to, s, io.warn)
}
