package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/control"
)

// Deploys is the section deploys: what can be deployed where, and how.
type Deploys struct {
	// Targets are what can be deployed, and Freezes when nothing is.
	Targets []DeployTarget
	Freezes []deploy.Freeze
	// RequireReason are the environments in which whoever deploys must say why.
	RequireReason []string
	// LogSize is how much is kept of the beginning of a deploy's log, in bytes, and
	// Keep of how many deploys of a target that ended anything is kept.
	LogSize int64
	Keep    int
}

// DeployTarget is a target, with the part of its driver that the file has.
type DeployTarget struct {
	deploy.Target
	// DriverName says what carries its deploys out, and Driver how.
	DriverName string
	Driver     driverConfig
}

// The most that the section deploys may have.
const (
	maxTargets = 1000
	maxFreezes = 200
)

func defaultDeploys() Deploys { return Deploys{LogSize: 10 << 20, Keep: control.DefaultKeepRuns} }

func (d *Deploys) fields() map[string]read {
	return map[string]read{
		"targets":        list(maxTargets, "{service: web, environment: production, command: {exec: [./deploy.sh, \"{version}\"]}}", d.readTarget),
		"freezes":        list(maxFreezes, "{name: weekend, times: [{weekdays: [saturday, sunday]}]}", d.readFreeze),
		"require_reason": words(&d.RequireReason, checkEnvironment),
		"log_size":       size(&d.LogSize, 1<<10, 1<<30),
		"keep":           number(&d.Keep, 1000),
	}
}

// readTarget reads one target.
func (d *Deploys) readTarget(r *reader, n *yaml.Node, key string) {
	before := len(r.errs)
	t := DeployTarget{Target: deploy.Target{Timeout: deploy.DefaultTimeout}}
	t.Version = mustPattern(deploy.DefaultPattern)
	diff := ""
	fields := map[string]read{
		"service":     text(into(&t.Service, anyText)),
		"environment": text(into(&t.Environment, anyText)),
		"version":     pattern(&t.Version),
		"parameters":  func(r *reader, n *yaml.Node, key string) { readParameters(&t.Target, r, n, key) },
		"timeout":     duration(&t.Timeout, time.Second, deploy.MaxTimeout),
		"diff":        text(into(&diff, checkLink)),
	}
	for name, driver := range drivers() {
		fields[name] = func(r *reader, n *yaml.Node, key string) {
			if t.DriverName != "" {
				r.fail(n, key, "is there beside %s: a target is deployed in one way", t.DriverName)
				return
			}
			t.DriverName, t.Driver = name, driver
			object(driver.fields())(r, n, key)
		}
	}
	object(fields)(r, n, key)
	if len(r.errs) > before {
		return
	}
	fail := func(name, format string, args ...any) {
		at := n
		if below := lookup(resolve(n), name); below != nil {
			at = below
		}
		r.fail(at, key+"."+name, format, args...)
	}
	if err := t.ID.Check(); err != nil {
		r.fail(n, key, "%v", err)
	}
	if slices.ContainsFunc(d.Targets, func(other DeployTarget) bool { return other.ID == t.ID }) {
		r.fail(n, key, "is %s, which is there already: keep one", t.ID)
	}
	t.Diff = deploy.Template(diff)
	if err := t.Diff.Check(t.Parameters); err != nil {
		fail("diff", "%v", err)
	}
	if t.DriverName == "" {
		r.fail(n, key, "does not say how it is deployed: give one of %s", strings.Join(driverNames(), ", "))
	} else {
		t.Driver.check(t.Parameters, func(path, format string, args ...any) {
			r.fail(below(lookup(resolve(n), t.DriverName), path), key+"."+t.DriverName+path, format, args...)
		})
	}
	d.Targets = append(d.Targets, t)
}

// readParameters reads what else a target lets its callers choose.
func readParameters(t *deploy.Target, r *reader, n *yaml.Node, key string) {
	t.Parameters = map[string]deploy.Parameter{}
	r.entries(n, key, func(name, value *yaml.Node, path string) {
		p, fallback := deploy.Parameter{Pattern: mustPattern(deploy.DefaultPattern)}, (*string)(nil)
		object(map[string]read{
			"pattern":     pattern(&p.Pattern),
			"default":     text(func(value string) error { fallback = &value; return nil }),
			"description": text(into(&p.Description, anyText)),
		})(r, value, path)
		p.Default = fallback
		switch {
		case !deploy.ParameterName.MatchString(name.Value):
			r.fail(name, path, "must be called by small letters, digits and underscores, a letter first")
		case slices.Contains(deploy.Placeholders(), name.Value):
			r.fail(name, path, "is what every deploy has: call it otherwise")
		case fallback != nil:
			if err := p.Check(path, *fallback); err != nil {
				r.fail(lookup(resolve(value), "default"), path+".default", "%s", err.Message)
			}
		}
		t.Parameters[name.Value] = p
	})
	if len(t.Parameters) > deploy.MaxParameters {
		r.fail(n, key, "has %d parameters, and may have %d", len(t.Parameters), deploy.MaxParameters)
	}
}

// readFreeze reads one freeze.
func (d *Deploys) readFreeze(r *reader, n *yaml.Node, key string) {
	var f deploy.Freeze
	object(map[string]read{
		"name":         text(into(&f.Name, anyText)),
		"reason":       text(into(&f.Reason, anyText)),
		"services":     words(&f.Services, anyText),
		"environments": words(&f.Environments, checkEnvironment),
		"from":         moment(&f.From),
		"to":           moment(&f.To),
		"times": func(r *reader, n *yaml.Node, key string) {
			raw, err := yaml.Marshal(n)
			if err == nil {
				strict := yaml.NewDecoder(bytes.NewReader(raw))
				strict.KnownFields(true)
				err = strict.Decode(&f.Times)
			}
			if err != nil {
				r.fail(n, key, "must be a list of Alertmanager's time intervals, such as [{weekdays: [saturday, sunday], location: Europe/Paris}]: %s", lastLine(err))
			}
		},
	})(r, n, key)
	switch {
	case f.Name == "":
		r.fail(n, key, "has no name: by it a deploy passes")
	case slices.ContainsFunc(d.Freezes, func(other deploy.Freeze) bool { return other.Name == f.Name }):
		r.fail(n, key, "is called %q as another is: call it otherwise", f.Name)
	case len(f.Times) == 0 && f.From.IsZero() && f.To.IsZero():
		r.fail(n, key, "does not say when: give times, or from and to")
	case !f.From.IsZero() && !f.To.IsZero() && !f.To.After(f.From):
		r.fail(n, key, "ends before it begins: to must be after from")
	}
	d.Freezes = append(d.Freezes, f)
}

// lastLine is what a YAML reader has to say, without the line, which is that of a part.
func lastLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if m := yamlLine.FindStringSubmatch(last); m != nil {
		return readable(m[2])
	}
	return readable(last)
}

// complete makes relative paths start at dir.
func (d *Deploys) complete(dir string) {
	for i := range d.Targets {
		d.Targets[i].Driver.resolve(func(path string) string {
			if path == "" || dir == "" || filepath.IsAbs(path) {
				return path
			}
			return filepath.Join(dir, path)
		}, dir)
	}
}

// Settings are what a control.Control needs of this section. self is how to start the
// process that watches over a command.
func (d Deploys) Settings(self []string) control.Settings {
	s := control.Settings{Freezes: d.Freezes, RequireReason: d.RequireReason, LogBytes: d.LogSize, KeepRuns: d.Keep}
	for _, t := range d.Targets {
		s.Targets = append(s.Targets, control.Target{Target: t.Target, Driver: t.Driver.driver(self)})
	}
	return s
}

func checkLink(link string) error {
	if !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
		return fmt.Errorf("is %s, and must be a URL such as https://github.com/acme/web/compare/{previous_version}...{version}", quoted(link))
	}
	return nil
}
