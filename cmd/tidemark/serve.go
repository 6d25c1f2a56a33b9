package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	"k8s.io/klog/v2"

	"github.com/tidemark/tidemark/ingest/store"
	"github.com/tidemark/tidemark/internal/app"
)

// stopWithin is how long a stop may take before it is cut off.
const stopWithin = 9 * time.Second

type serveCmd struct {
	ConfigFile string `name:"config.file" placeholder:"FILE" type:"path" help:"Configuration file, tidemark.yml or an existing prometheus.yml. Without one: scrape this host and Tidemark itself."`

	StoragePath   string `name:"storage.path" default:"./data" type:"path" help:"Folder for all that Tidemark keeps: samples, changes, tokens."`
	RetentionTime string `name:"storage.retention.time" placeholder:"15d" help:"How long samples are kept: 15d where no size is given either. Changes are kept forever. The configuration file's storage.tsdb.retention comes first."`
	RetentionSize string `name:"storage.retention.size" default:"0" help:"How many bytes of sample blocks are kept, such as 50GB; 0 for no bound. The oldest go first."`

	ListenAddress string   `name:"web.listen-address" default:"127.0.0.1:9797" help:"Address to listen on. On one that others can reach, writing needs a token."`
	ExternalURL   *url.URL `name:"web.external-url" help:"URL under which others reach Tidemark; its path prefixes every route."`
	WebConfigFile string   `name:"web.config.file" placeholder:"FILE" type:"path" help:"Prometheus' web configuration file: TLS, client certificates, basic auth."`
	AdminAPI      bool     `name:"web.enable-admin-api" help:"Serve the endpoints that delete samples and take snapshots, for admins."`

	QueryTimeout        time.Duration `name:"query.timeout" default:"2m" help:"A query that runs for longer is ended."`
	QueryMaxSamples     int           `name:"query.max-samples" default:"50000000" help:"A query that would hold more samples in memory is ended."`
	QueryMaxConcurrency int           `name:"query.max-concurrency" default:"20" help:"Queries beyond this many wait for one to end."`

	LogLevel  string `name:"log.level" default:"info" enum:"debug,info,warn,error" help:"Least severe level to log: ${enum}."`
	LogFormat string `name:"log.format" default:"logfmt" enum:"logfmt,json" help:"Format of the log: ${enum}."`
}

// Run serves until ctx ends or the process is told to stop.
func (c *serveCmd) Run(ctx context.Context, k *kong.Context, io streams) error {
	opts, err := c.options()
	if err != nil {
		return err
	}
	opts.Flags = flagValues(k)
	opts.Logger = newLogger(io.Err, c.LogLevel, c.LogFormat)
	klog.SetSlogLogger(opts.Logger.With("component", "kubernetes"))

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer close(hup)
	defer signal.Stop(hup)

	// GO Feature Flag's library writes to the default logger for each evaluation
	// whose query fails, and what a context says is anybody's.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	server, err := app.New(opts)
	if err != nil {
		return err
	}
	switch err := server.Start(ctx); {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled):
		opts.Logger.Info("stopped while starting", "reason", err)
		return nil
	case err != nil:
		return err
	}
	go func() { // beside the wait for the end, which a reload must not hold up
		for range hup {
			if err := server.Reload(ctx); err != nil {
				opts.Logger.Error("reload refused", "err", err)
			}
		}
	}()
	<-ctx.Done()
	stop() // a second signal ends the process at once
	opts.Logger.Info("stopping")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return server.Stop(ending)
}

// options checks the flags and turns them into the App's.
func (c *serveCmd) options() (app.Options, error) {
	var errs []error
	retention, err := c.retention()
	if err != nil {
		errs = append(errs, err)
	}
	for flag, value := range map[string]int{"query.max-samples": c.QueryMaxSamples, "query.max-concurrency": c.QueryMaxConcurrency} {
		if value < 1 {
			errs = append(errs, fmt.Errorf("--%s: %d must be at least 1", flag, value))
		}
	}
	if c.QueryTimeout <= 0 {
		errs = append(errs, fmt.Errorf("--query.timeout: %s must be more than 0", c.QueryTimeout))
	}
	if u := c.ExternalURL; u != nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		errs = append(errs, fmt.Errorf("--web.external-url: %q must be an absolute http or https URL", u.Redacted()))
	} else if u != nil && u.User != nil {
		errs = append(errs, fmt.Errorf("--web.external-url: %q must not name a user, since everyone is shown it", u.Redacted()))
	}
	return app.Options{
		ConfigFile:          c.ConfigFile,
		StoragePath:         c.StoragePath,
		Retention:           retention,
		ListenAddress:       c.ListenAddress,
		ExternalURL:         c.ExternalURL,
		WebConfigFile:       c.WebConfigFile,
		AdminAPI:            c.AdminAPI,
		QueryTimeout:        c.QueryTimeout,
		QueryMaxSamples:     c.QueryMaxSamples,
		QueryMaxConcurrency: c.QueryMaxConcurrency,
		Version:             version,
	}, errors.Join(errs...)
}

// defaultRetention is how long samples are kept where no flag bounds them, as in
// Prometheus.
const defaultRetention = 15 * 24 * time.Hour

// retention reads the two flags that bound what is kept.
func (c *serveCmd) retention() (r store.Retention, _ error) {
	if c.RetentionTime != "" {
		span, err := model.ParseDuration(c.RetentionTime)
		if err != nil {
			return r, fmt.Errorf("--storage.retention.time: %q is not a duration such as 15d or 1y", c.RetentionTime)
		}
		r.Time = time.Duration(span)
	}
	if c.RetentionSize != "0" {
		size, err := units.ParseBase2Bytes(c.RetentionSize)
		if err != nil || size < 0 {
			return r, fmt.Errorf("--storage.retention.size: %q is not a size such as 512MB or 50GB", c.RetentionSize)
		}
		r.Size = int64(size)
	}
	if r == (store.Retention{}) {
		r.Time = defaultRetention
	}
	return r, nil
}

// flagValues lists the flags of the command with their values, for the API to show.
func flagValues(k *kong.Context) map[string]string {
	values := map[string]string{}
	for _, flag := range k.Selected().Flags {
		value := k.FlagValue(flag)
		if u, ok := value.(*url.URL); ok && u == nil {
			value = ""
		}
		values[flag.Name] = fmt.Sprint(value)
	}
	return values
}

// newLogger returns a logger in the formats that Prometheus has.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
