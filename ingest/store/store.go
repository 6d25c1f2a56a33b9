package store

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
)

// Options say where and how samples are kept.
type Options struct {
	// Dir holds the write-ahead log and the blocks; it is created when missing.
	Dir string
	// Retention applies where the configuration file says nothing of it.
	Retention Retention
	// Config is the configuration to start with: retention, out-of-order
	// window, and exemplars.
	Config *config.Config

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Retention bounds what is kept. Whichever bound is reached first counts.
type Retention struct {
	// Time is how long samples are kept; 0 sets no such bound.
	Time time.Duration
	// Size is how many bytes the blocks may take; 0 sets no such bound.
	Size int64
	// Percentage is how much of its file system the store may take, from 0 to
	// 100, in the place of Size; 0 sets no such bound.
	Percentage float64
}

// Store is the TSDB with what its HTTP API asks of it beyond reading and
// writing. It is ready as soon as Open returns.
type Store struct {
	*tsdb.DB
	stats     *tsdb.DBStats
	retention Retention
}

// maxBlockSpan is how much time the largest block holds, where retention does
// not ask for less.
const maxBlockSpan = 31 * 24 * time.Hour

// Open opens the store, replaying its write-ahead log, and locks it against
// other processes. A sample is in the write-ahead log before its append is
// acknowledged, and so survives the end of the process; only the segment that
// the operating system has not written back yet can be lost with the machine.
func Open(opts Options) (*Store, error) {
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the sample store's folder: %w", err)
	}
	retention := effective(opts.Config, opts.Retention)
	dbOpts := tsdb.DefaultOptions()
	dbOpts.RetentionDuration = retention.Time.Milliseconds()
	dbOpts.MaxBytes = retention.Size
	dbOpts.MaxPercentage = retention.Percentage
	dbOpts.MinBlockDuration = tsdb.DefaultBlockDuration
	dbOpts.MaxBlockDuration = maxBlockSpan.Milliseconds()
	if retention.Time > 0 {
		dbOpts.MaxBlockDuration = max(dbOpts.MinBlockDuration, min(maxBlockSpan, retention.Time/10).Milliseconds())
	}
	dbOpts.WALCompression = compression.Snappy
	dbOpts.EnableOverlappingCompaction = true
	dbOpts.EnableExemplarStorage = true
	if tc := opts.Config.StorageConfig.TSDBConfig; tc != nil {
		dbOpts.OutOfOrderTimeWindow = tc.OutOfOrderTimeWindow
		dbOpts.StaleSeriesCompactionThreshold = tc.StaleSeriesCompactionThreshold
	}
	dbOpts.MaxExemplars = exemplars(opts.Config).MaxExemplars
	stats := tsdb.NewDBStats()
	db, err := tsdb.Open(opts.Dir, opts.Logger, opts.Registerer, dbOpts, stats)
	if err != nil {
		return nil, fmt.Errorf("opening the sample store in %s: %w", opts.Dir, err)
	}
	return &Store{DB: db, stats: stats, retention: opts.Retention}, nil
}

// Notify has w told of each write, so that remote write sends at once instead
// of polling the write-ahead log.
func (s *Store) Notify(w wlog.WriteNotified) { s.SetWriteNotified(w) }

// Apply takes over the retention, the out-of-order window and the exemplar
// storage of a new configuration.
func (s *Store) Apply(cfg *config.Config) error {
	applied := *cfg
	applied.StorageConfig.ExemplarsConfig = exemplars(cfg)
	if applied.StorageConfig.TSDBConfig != nil {
		tc := *applied.StorageConfig.TSDBConfig
		r := effective(cfg, s.retention)
		tc.Retention = &config.TSDBRetentionConfig{
			Time:       model.Duration(r.Time),
			Size:       units.Base2Bytes(r.Size),
			Percentage: r.Percentage,
		}
		applied.StorageConfig.TSDBConfig = &tc
	}
	if err := s.ApplyConfig(&applied); err != nil {
		return fmt.Errorf("applying the storage section: %w", err)
	}
	return nil
}

// Retention returns the bounds in force under cfg.
func (s *Store) Retention(cfg *config.Config) Retention { return effective(cfg, s.retention) }

// effective returns what cfg says of retention, and fallback where it says nothing.
func effective(cfg *config.Config, fallback Retention) Retention {
	tc := cfg.StorageConfig.TSDBConfig
	if tc == nil || tc.Retention == nil || *tc.Retention == (config.TSDBRetentionConfig{}) {
		return fallback
	}
	return Retention{
		Time:       time.Duration(tc.Retention.Time),
		Size:       int64(tc.Retention.Size),
		Percentage: tc.Retention.Percentage,
	}
}

// exemplars returns what cfg says of exemplars, and Prometheus' default where it
// says nothing.
func exemplars(cfg *config.Config) *config.ExemplarsConfig {
	if cfg.StorageConfig.ExemplarsConfig != nil {
		return cfg.StorageConfig.ExemplarsConfig
	}
	byDefault := config.DefaultExemplarsConfig
	return &byDefault
}

// BlockMetas lists the blocks on disk.
func (s *Store) BlockMetas() ([]tsdb.BlockMeta, error) { return s.DB.BlockMetas(), nil }

// Stats counts the head's series by metric name, label and label pair, the
// limit largest of each.
func (s *Store) Stats(byLabel string, limit int) (*tsdb.Stats, error) {
	return s.Head().Stats(byLabel, limit), nil
}

// WALReplayStatus says how far the replay of the write-ahead log has come.
func (s *Store) WALReplayStatus() (tsdb.WALReplayStatus, error) {
	return s.stats.Head.WALReplayStatus.GetWALReplayStatus(), nil
}
