//go:build linux || (darwin && cgo)

package host

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/node_exporter/collector"
	"github.com/stretchr/testify/require"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newCollector(t testing.TB, opts Options) *Collector {
	t.Helper()
	opts.Logger = discard()
	c, err := New(opts)
	require.NoError(t, err)
	return c
}

func TestGathersWhatDashboardsAskFor(t *testing.T) {
	c := newCollector(t, Options{})
	for range 2 {
		families, err := c.Gatherer().Gather()
		require.NoError(t, err)
		names := map[string]bool{}
		for _, f := range families {
			names[f.GetName()] = true
		}
		want := []string{"node_load1", "node_cpu_seconds_total", "node_filesystem_size_bytes",
			"node_network_receive_bytes_total", durationName, successName}
		if runtime.GOOS == "linux" {
			want = append(want, "node_memory_MemTotal_bytes", "node_uname_info", "node_boot_time_seconds")
		}
		for _, name := range want {
			require.True(t, names[name], "%s is missing", name)
		}
	}
}

func TestServesEachFormat(t *testing.T) {
	c := newCollector(t, Options{Collectors: []string{"loadavg"}})
	server := httptest.NewServer(c.Handler())
	defer server.Close()
	for _, test := range []struct{ accept, contentType string }{
		{"text/plain;version=0.0.4", "text/plain; version=0.0.4"},
		{"application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0"},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "application/vnd.google.protobuf"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", test.accept)
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.True(t, strings.HasPrefix(resp.Header.Get("Content-Type"), test.contentType), resp.Header.Get("Content-Type"))
		if !strings.HasPrefix(test.contentType, "application/openmetrics") {
			decoder := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header))
			var first dto.MetricFamily
			require.NoError(t, decoder.Decode(&first))
			require.Contains(t, first.GetName(), "node_") // the text decoder keeps no order
		}
		resp.Body.Close()
	}
}

func TestChoose(t *testing.T) {
	f := func(opts Options, want ...string) {
		t.Helper()
		got, err := choose(opts)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f(Options{}, Defaults()...)
	f(Options{Collectors: []string{"time", "cpu"}}, "cpu", "time")
	f(Options{Collectors: []string{"cpu"}, Enable: []string{"time", "cpu"}}, "cpu", "time")
	f(Options{Collectors: []string{"cpu", "time"}, Disable: []string{"cpu"}}, "time")
	f(Options{Disable: []string{"cpu"}}, slices.DeleteFunc(Defaults(), func(n string) bool { return n == "cpu" })...)

	_, err := choose(Options{Enable: []string{"cpus"}})
	require.ErrorContains(t, err, `host.enable: unknown collector "cpus"; known: arp, `)
	_, err = choose(Options{Collectors: []string{}})
	require.ErrorContains(t, err, "host.enabled: false")
}

func TestDefaultsAreNodeExportersOwn(t *testing.T) {
	known, defaults := Known(), Defaults()
	require.Greater(t, len(known), len(defaults))
	for _, name := range []string{"cpu", "filesystem", "loadavg", "meminfo", "netdev", "textfile", "uname"} {
		require.Contains(t, defaults, name)
	}
	require.NotContains(t, defaults, "runit")
	for _, name := range known {
		require.NotContains(t, name, ".")
	}
}

func TestApplyChangesCollectorsWhileServing(t *testing.T) {
	c := newCollector(t, Options{Collectors: []string{"loadavg"}})
	var scrapes sync.WaitGroup
	for range 2 {
		scrapes.Go(func() {
			for range 20 {
				_, err := c.Gatherer().Gather()
				require.NoError(t, err)
			}
		})
	}
	// A collector that is off by default, too: no restart is needed.
	require.NoError(t, c.Apply(Options{Collectors: []string{"time"}, Enable: []string{"processes"}, Logger: discard()}))
	scrapes.Wait()
	require.Equal(t, []string{"processes", "time"}, c.Names())

	require.Error(t, c.Apply(Options{Collectors: []string{"nothing"}, Logger: discard()}))
	require.Equal(t, []string{"processes", "time"}, c.Names())
	err := c.Apply(Options{Flags: map[string]string{"path.rootfs": "/host"}, Logger: discard()})
	require.ErrorIs(t, err, ErrNeedsRestart)
}

func TestValidateFlags(t *testing.T) {
	require.NoError(t, ValidateFlags(map[string]string{
		"path.rootfs": "/host", "collector.filesystem.mount-points-exclude": "^/snap", "collector.cpu.info": "true",
	}))
	f := func(name, value, says string) {
		t.Helper()
		require.ErrorContains(t, ValidateFlags(map[string]string{name: value}), says)
	}
	f("collector.filesystem.mount-point-exclude", "x", "unknown option")
	f("help", "true", "unknown option")
	f("--path.rootfs", "/", "unknown option")
	f("collector.cpu", "true", "host.enable")
	f("collector.cpu.info", "yes", "must be true or false")
}

// Flags count for the whole process, so that these need one of their own.
func TestFlagsReachTheCollectors(t *testing.T) {
	const key = "TIDEMARK_TEST_HOST_FLAGS"
	dir := os.Getenv(key)
	if dir == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), key+"="+t.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "own.prom"), []byte("own_metric 42\n"), 0o600))
	opts := Options{Collectors: []string{"textfile"}, Logger: discard()}

	opts.Flags = map[string]string{"collector.textfile.directory": dir, "collector.cpu.info": "true"}
	families, err := newCollector(t, opts).Gatherer().Gather()
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "own_metric" }))

	_, err = New(opts)
	require.NoError(t, err, "the same flags need no restart")
	opts.Flags = nil
	_, err = New(opts)
	require.ErrorIs(t, err, ErrNeedsRestart)
}

// collecting is a collector made of a function.
type collecting func(chan<- prometheus.Metric) error

func (c collecting) Update(ch chan<- prometheus.Metric) error { return c(ch) }

func runnerOf(name string, logger *slog.Logger, c collecting) *runner {
	return &runner{name: name, collector: c, logger: logger}
}

// successes gathers g, and returns which collectors succeeded.
func successes(t *testing.T, g *gatherer) map[string]bool {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(g))
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]bool{}
	for _, f := range families {
		if f.GetName() == successName {
			for _, m := range f.Metric {
				got[m.Label[0].GetValue()] = m.Gauge.GetValue() == 1
			}
		}
	}
	return got
}

func TestOneCollectorDoesNotHarmTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		leave := make(chan struct{})
		g := newGatherer([]*runner{
			runnerOf("fine", logger, func(chan<- prometheus.Metric) error { return nil }),
			runnerOf("hangs", logger, func(chan<- prometheus.Metric) error { <-leave; return nil }),
			runnerOf("panics", logger, func(chan<- prometheus.Metric) error { panic("at the disk") }),
			runnerOf("fails", logger, func(chan<- prometheus.Metric) error { return errors.New("no such file") }),
			runnerOf("nothing", logger, func(chan<- prometheus.Metric) error { return collector.ErrNoData }),
		}, time.Second)
		want := map[string]bool{"fine": true, "hangs": false, "panics": false, "fails": false, "nothing": false}
		began := time.Now()
		for range 3 {
			require.Equal(t, want, successes(t, g))
		}
		// Only the first scrape waits for the one that hangs.
		require.Equal(t, time.Second, time.Since(began))
		require.Equal(t, 1, strings.Count(log.String(), "no such file"))
		require.Equal(t, 1, strings.Count(log.String(), "at the disk"))
		require.NotContains(t, log.String(), "collector=nothing")

		close(leave)
		synctest.Wait()
		want["hangs"] = true
		require.Equal(t, want, successes(t, g))
		require.Contains(t, log.String(), "works again")
	})
}

func TestScrapesAtOnceDoNotFailEachOther(t *testing.T) {
	slow := runnerOf("slow", discard(), func(chan<- prometheus.Metric) error {
		runtime.Gosched()
		return nil
	})
	g := newGatherer([]*runner{slow}, time.Minute)
	var scrapes sync.WaitGroup
	for range 4 {
		scrapes.Go(func() {
			for range 50 {
				metrics := make(chan prometheus.Metric, 2)
				g.Collect(metrics)
				<-metrics
				var success dto.Metric
				if err := (<-metrics).Write(&success); err != nil || success.Gauge.GetValue() != 1 {
					t.Errorf("success is %v, error %v", success.Gauge, err)
				}
			}
		})
	}
	scrapes.Wait()
}

func TestQuietHandler(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(newQuietHandler(slog.NewTextHandler(&log, nil)))
	cpu, disk := logger.With("collector", "cpu"), logger.With("collector", "disk")
	for range 3 {
		cpu.Info("Parsed flag")
		cpu.Error("failed", "err", "one")
		cpu.Error("failed", "err", "two")
		disk.Error("failed", "err", "one")
	}
	require.Equal(t, 3, strings.Count(log.String(), "level=WARN"))
	require.Equal(t, 3, strings.Count(log.String(), "\n"))
}

func TestMetricNamesAreValid(t *testing.T) {
	families, err := newCollector(t, Options{}).Gatherer().Gather()
	require.NoError(t, err)
	for _, f := range families {
		require.True(t, model.LegacyValidation.IsValidMetricName(f.GetName()), f.GetName())
	}
}

func BenchmarkGather(b *testing.B) {
	gatherer := newCollector(b, Options{}).Gatherer()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gatherer.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
