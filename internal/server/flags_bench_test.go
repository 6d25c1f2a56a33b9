package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/server/ofrep"
)

// discard is a http.ResponseWriter that keeps a status alone, so that a benchmark
// measures the server and not the recorder.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// processorTime is how long the process has had a processor: what a request costs,
// also on a machine that is busy with others.
func processorTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// flags200 puts 200 flags into a Control: static ones, targeted ones, and ones
// that give half of all each of two variations.
func flags200(b *testing.B) *control.Control {
	b.Helper()
	ctx := context.Background()
	log, err := changelog.Open(ctx, filepath.Join(b.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, log.Close()) })
	c, err := control.Open(ctx, control.Options{Log: log, Settings: control.Settings{Environments: []string{"production"}}})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, c.Close()) })
	for i := range 200 {
		kind := []string{"static", "targeted", "percentage"}[i%3]
		text := map[string]string{
			"static":     `"defaultRule":{"variation":"on"}`,
			"targeted":   `"targeting":[{"query":"plan eq \"premium\" and age ge 18","variation":"on"}],"defaultRule":{"variation":"off"}`,
			"percentage": `"defaultRule":{"percentage":{"on":50,"off":50}}`,
		}[kind]
		var d flag.Definition
		require.NoError(b, json.Unmarshal([]byte(`{"variations":{"on":true,"off":false},"metadata":{"owner":"web"},`+text+`}`), &d))
		_, err := c.Write(ctx, control.Request{ID: control.ID{Environment: "production", Key: fmt.Sprintf("%s-%03d", kind, i)}, Author: control.Author{By: "bench"}}, control.Put(d))
		require.NoError(b, err)
	}
	return c
}

// BenchmarkEvaluate measures an evaluation over HTTP without the network: routing,
// rights, limits, the body, the flags and the answer. With flips, some flag is
// flipped ten times a second, each flip kept in the log.
func BenchmarkEvaluate(b *testing.B) {
	c := flags200(b)
	s := start(b, func(o *Options) {
		o.Logger = slog.New(slog.DiscardHandler)
		o.Flags = ofrep.Controlled{Control: c}
	})
	token := "Bearer " + s.token("shop", auth.Evaluator)
	const context50 = `{"context":{"targetingKey":"08b5ffb7-7109-42f4-a6f2-b85560fbd20f","plan":"premium","age":30%s}}`
	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf(`"%s-%03d"`, []string{"static", "targeted", "percentage"}[i%3], i))
	}
	one, fifty := fmt.Sprintf(context50, ""), fmt.Sprintf(context50, `,"gofeatureflag":{"flagList":[`+strings.Join(keys, ",")+`]}`)
	f := func(name, path, body string, want int, headers ...string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest(http.MethodPost, path, nil)
			r.Header.Set("Authorization", token)
			r.Header.Set("Content-Type", "application/json")
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			r.ContentLength = int64(len(body))
			text := []byte(body)
			before := processorTime()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				asked := *r
				asked.Body = io.NopCloser(bytes.NewReader(text))
				s.Server.http.Handler.ServeHTTP(w, &asked)
				if w.status != want {
					b.Fatal(w.status)
				}
			}
			b.ReportMetric(float64((processorTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
	all := func(suffix string) {
		f("static"+suffix, bulkPath+"/static-000", one, 200)
		f("targeted"+suffix, bulkPath+"/targeted-001", one, 200)
		f("percentage"+suffix, bulkPath+"/percentage-002", one, 200)
		f("bulk of 50"+suffix, bulkPath, fifty, 200)
		f("bulk of 200"+suffix, bulkPath, one, 200)
		etag := s.do("POST", bulkPath, fifty, "Authorization", token).header.Get("ETag")
		if suffix == "" {
			f("bulk of 50, known", bulkPath, fifty, 304, "If-None-Match", etag)
		}
	}
	all("")

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			_, err := c.Write(context.Background(), control.Request{
				ID: control.ID{Environment: "production", Key: "static-000"}, Author: control.Author{By: "bench"},
			}, control.Do(flag.Action{Flip: &flag.Flip{To: []string{"off", "on"}[i%2]}}))
			if err != nil {
				b.Error(err)
				return
			}
		}
	}()
	all(", with flips")
	close(stop)
	<-stopped
}
