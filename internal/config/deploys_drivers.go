package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
)

// driverConfig is the part of a target that says how it is deployed.
type driverConfig interface {
	fields() map[string]read
	// check tells fail what is wrong with it as a whole. The path begins with a dot.
	check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any))
	// resolve makes relative paths start at the configuration's folder, dir.
	resolve(absolute func(path string) string, dir string)
	driver(self []string) driver.Driver
}

// drivers are new ones by the names of their keys.
func drivers() map[string]driverConfig {
	return map[string]driverConfig{
		"command": &commandConfig{},
		"http":    &httpConfig{},
		"github":  &githubConfig{},
		"gitlab":  &gitlabConfig{},
		"jenkins": &jenkinsConfig{},
		"argocd":  &argocdConfig{d: driver.ArgoCD{Revision: "{version}"}, healthy: true},
	}
}

func driverNames() []string { return slices.Sorted(maps.Keys(drivers())) }

// commandConfig is a local command.
type commandConfig struct {
	exec             []string
	shell, directory string
	env, secrets     map[string]string
}

func (c *commandConfig) fields() map[string]read {
	return map[string]read{
		"exec":      words(&c.exec, anyText),
		"shell":     text(into(&c.shell, anyText)),
		"directory": text(into(&c.directory, anyText)),
		"env":       pairs(variable(&c.env)),
		"secrets":   pairs(variable(&c.secrets)),
	}
}

func (c *commandConfig) check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any)) {
	switch {
	case len(c.exec) == 0 && c.shell == "":
		fail("", "does not say what to run: give exec, a program and its arguments, or shell, a script")
	case len(c.exec) > 0 && c.shell != "":
		fail(".shell", "is there beside exec: give one of the two")
	case len(c.exec) > 0 && (c.exec[0] == "" || !deploy.Template(c.exec[0]).Fixed()):
		fail(".exec[0]", "is %s, and must be a program's name, in which nothing is filled", quoted(c.exec[0]))
	}
	for i, arg := range c.exec {
		path := fmt.Sprintf(".exec[%d]", i)
		if err := deploy.Template(arg).Check(parameters); err != nil {
			fail(path, "%v", err)
		}
		for _, free := range []string{deploy.PlaceholderReason, deploy.PlaceholderWho, deploy.PlaceholderPrevious} {
			if strings.HasPrefix(arg, "{"+free+"}") {
				fail(path, "begins with {%s}, which anybody may have begin with a dash: write --%s={%s}, or read the variable TIDEMARK_DEPLOY_%s", free, strings.ReplaceAll(free, "_", "-"), free, strings.ToUpper(free))
			}
		}
	}
	for name := range c.secrets {
		if _, twice := c.env[name]; twice {
			fail(".secrets."+name, "is in env too: keep one")
		}
	}
}

func (c *commandConfig) resolve(absolute func(string) string, dir string) {
	if c.directory = absolute(c.directory); c.directory == "" {
		c.directory = dir
	}
	for name, path := range c.secrets {
		c.secrets[name] = absolute(path)
	}
}

func (c *commandConfig) driver(self []string) driver.Driver {
	d := &driver.Command{Shell: c.shell, Directory: c.directory, Env: c.env, Secrets: c.secrets, Self: self}
	for _, arg := range c.exec {
		d.Exec = append(d.Exec, deploy.Template(arg))
	}
	return d
}

// variable takes environment variables over.
func variable(target *map[string]string) func(name, value string) error {
	return func(name, value string) error {
		if err := driver.CheckVariable(name); err != nil {
			return err
		}
		if *target == nil {
			*target = map[string]string{}
		}
		(*target)[name] = value
		return nil
	}
}
