// The harness command starts a Tidemark, the plugin's backend, and what stands
// in for Grafana, for the browser tests. It prints one line of JSON that says
// where they are, and ends, with all that it started, when its standard input
// does: so nothing is left behind when the tests are killed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tidemark/tidemark/grafana-plugin/tests/grafanahost"
	"github.com/tidemark/tidemark/grafana-plugin/tests/pluginprocess"
	"github.com/tidemark/tidemark/grafana-plugin/tests/tidemarkserver"
)

// readHeaderWithin bounds how long a request's head may take.
const readHeaderWithin = 10 * time.Second

// takesThePast lets a test tell what was before the server started.
const takesThePast = "storage: {tsdb: {out_of_order_time_window: 2h}}\n"

// flags says where the parts are.
type flags struct {
	tidemark, backend, dist, page string
	verbose                       bool
}

// started is the line that the harness prints.
type started struct {
	Grafana  string `json:"grafana"`
	Tidemark string `json:"tidemark"`
	Backend  int    `json:"backend_pid"`
}

func main() {
	var f flags
	flag.StringVar(&f.tidemark, "tidemark", "", "Tidemark's executable")
	flag.StringVar(&f.backend, "backend", "", "the plugin's executable for this machine")
	flag.StringVar(&f.dist, "dist", "", "folder of the built plugin")
	flag.StringVar(&f.page, "page", "", "folder of the test page")
	flag.BoolVar(&f.verbose, "verbose", false, "copy what the parts log to standard error")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, f, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts the parts, says where they are, and waits for the end of in or ctx.
func run(ctx context.Context, f flags, in io.Reader, out io.Writer) error {
	log := io.Discard
	if f.verbose {
		log = os.Stderr
	}
	dir, err := os.MkdirTemp("", "tidemark-harness-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := tidemarkserver.Start(ctx, f.tidemark, filepath.Join(dir, "data"),
		tidemarkserver.Options{Config: tidemarkserver.EachSecond + takesThePast, Log: log})
	if err != nil {
		return err
	}
	defer server.Stop()
	process, err := pluginprocess.Start(ctx, f.backend, log)
	if err != nil {
		return err
	}
	defer process.Stop()
	host := grafanahost.New(process, grafanahost.Settings{URL: server.URL})
	defer host.Close()
	url, stop, err := listen(ctx, host.Handler(f.dist, f.page))
	if err != nil {
		return err
	}
	defer stop()
	if err := json.NewEncoder(out).Encode(started{Grafana: url, Tidemark: server.URL, Backend: process.Pid()}); err != nil {
		return err
	}

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, in)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

// listen serves a handler on a free loopback port.
func listen(ctx context.Context, handler http.Handler) (url string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderWithin}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	return "http://" + l.Addr().String(), func() {
		_ = server.Close() // at once: a stream has no end of its own
		<-ended
	}, nil
}
