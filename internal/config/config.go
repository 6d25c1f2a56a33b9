package config

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	promconfig "github.com/prometheus/prometheus/config"

	"github.com/tidemark/tidemark/ingest/host"
)

// Config is what a configuration file says, with the defaults filled in. It is
// not changed once it is in force: a reload reads another.
type Config struct {
	// Prometheus holds the sections that Prometheus has.
	Prometheus *promconfig.Config

	Host        Host
	Changes     Changes
	Auth        Auth
	Ingest      Ingest
	Flags       Flags
	Deploys     Deploys
	Hooks       Hooks
	Versions    Versions
	Subscribers Subscribers
	Kubernetes  Kubernetes

	// Notes are what the reader of the file should know, though nothing is wrong.
	Notes []string

	intervalSaid bool // whether the file gives global.scrape_interval
}

//go:embed default.yml
var defaultFile []byte

// DefaultFile returns the file that is in force where none is given, with every
// key of Tidemark's own sections and what it does.
func DefaultFile() []byte { return append([]byte(nil), defaultFile...) }

// Default returns the configuration of DefaultFile.
func Default() *Config {
	cfg, err := Parse(defaultFile, "default.yml", "")
	if err != nil {
		panic(fmt.Sprintf("the embedded configuration is wrong, which its test should have found: %v", err))
	}
	return cfg
}

// MaxFile is how long a configuration file may be, in bytes.
const MaxFile = 16 << 20

// Load reads the configuration file at path, and checks the rule files that it
// names. Its error names each thing that is wrong with the file's line, and what
// would be right.
func Load(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if info.Size() > MaxFile {
		return nil, fmt.Errorf("%s has %d bytes, and a configuration file may have %d: move targets to file_sd_configs", path, info.Size(), MaxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	cfg, err := Parse(data, path, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := cfg.checkRules(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// Parse reads the configuration in data. Its error calls the file name, and
// relative paths in it start at dir.
func Parse(data []byte, name, dir string) (*Config, error) {
	doc, err := parseDocument(data, name)
	if err != nil {
		return nil, err
	}
	cfg := &Config{Host: defaultHost(), Changes: defaultChanges(), Auth: defaultAuth(), Ingest: defaultIngest(), Flags: defaultFlags(), Deploys: defaultDeploys(), Versions: defaultVersions()}
	r := &reader{file: name}
	for _, section := range doc.own {
		if read, ok := cfg.sections()[section.key.Value]; ok {
			read(r, section.value, section.key.Value)
		}
	}
	if len(r.errs) == 0 {
		cfg.validate(r, doc)
		cfg.completeFlags(r, doc, dir)
		cfg.Deploys.complete(dir)
		cfg.Hooks.complete(dir)
		cfg.Subscribers.complete(dir)
		cfg.Kubernetes.complete(dir)
	}
	err = errors.Join(r.errs...)
	if cfg.Prometheus, err = doc.loadPrometheus(dir, &cfg.Notes, err); err != nil {
		return nil, err
	}
	if cfg.Host.Enabled && !host.Available {
		cfg.Host.Enabled = false
		cfg.Notes = append(cfg.Notes, "this build has no collectors of the host's metrics: run node_exporter beside it, and scrape that")
	}
	note := func(note string) { cfg.Notes = append(cfg.Notes, note) }
	cfg.Hooks.noteSecrets(note)
	cfg.Subscribers.noteSecrets(note)
	cfg.fillDefaults(doc)
	cfg.noteUnused()
	return cfg, nil
}

// sections are Tidemark's own, by name.
func (c *Config) sections() map[string]read {
	return map[string]read{
		"host":        object(c.Host.fields()),
		"changes":     object(c.Changes.fields()),
		"auth":        object(c.Auth.fields()),
		"ingest":      object(c.Ingest.fields()),
		"flags":       object(c.Flags.fields()),
		"deploys":     object(c.Deploys.fields()),
		"hooks":       c.Hooks.read,
		"versions":    object(c.Versions.fields()),
		"subscribers": c.Subscribers.read,
		"kubernetes":  c.Kubernetes.read,
	}
}

// validate notes what is wrong with the sections as they stand together, each
// of their keys being right.
func (c *Config) validate(r *reader, doc *document) {
	for _, section := range doc.own {
		if section.key.Value != "host" || !c.Host.Enabled || !host.Available {
			continue
		}
		if err := host.Validate(c.Host.Options(nil)); err != nil {
			r.fail(section.key, "host", "%v", err)
		}
	}
}
