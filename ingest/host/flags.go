package host

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/kingpin/v2"
)

// ErrNeedsRestart is a change of Options.Flags while the process runs.
var ErrNeedsRestart = errors.New("node_exporter's flags are read once in a process: restart to change host.options")

// collectorFlag begins the names of all flags that belong to a collector, and
// is, with a collector's name, the flag that switches it on.
const collectorFlag = "collector."

// commandLine guards node_exporter's flags, which live on kingpin's global
// command line: they count for the whole process and can be set only once,
// before the first collector is made.
var commandLine struct {
	sync.Mutex
	parsed bool
	flags  map[string]string
}

// parseFlags sets node_exporter's flags, the first time it is called; from then
// on it returns ErrNeedsRestart unless flags are the same. It switches every
// collector on: which of them run is decided for each Collector.
func parseFlags(flags map[string]string) error {
	if err := ValidateFlags(flags); err != nil {
		return err
	}
	commandLine.Lock()
	defer commandLine.Unlock()
	if commandLine.parsed {
		if maps.Equal(flags, commandLine.flags) {
			return nil
		}
		return ErrNeedsRestart
	}
	var args []string
	for _, name := range Known() {
		args = append(args, "--"+collectorFlag+name)
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		args = append(args, flagArgs(name, flags[name])...)
	}
	if _, err := kingpin.CommandLine.Parse(args); err != nil {
		return fmt.Errorf("host.options: %w", err)
	}
	commandLine.parsed, commandLine.flags = true, maps.Clone(flags)
	return nil
}

// flagArgs is how the flag is written on a command line.
func flagArgs(name, value string) []string {
	flag := kingpin.CommandLine.GetFlag(name)
	if flag != nil && flag.Model().IsBoolFlag() {
		if value == "false" {
			return []string{"--no-" + name}
		}
		return []string{"--" + name}
	}
	return []string{"--" + name + "=" + value}
}

// ValidateFlags returns an error that names the first of flags that is none of
// node_exporter's, by its name without dashes, or whose value cannot be one.
func ValidateFlags(flags map[string]string) error {
	known := flagNames()
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if slices.Contains(Known(), strings.TrimPrefix(name, collectorFlag)) {
			return fmt.Errorf("option %q switches a collector on or off: use host.enable and host.disable", name)
		}
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown option %q; node_exporter's flags are meant, without dashes, such as collector.filesystem.mount-points-exclude", name)
		}
		if kingpin.CommandLine.GetFlag(name).Model().IsBoolFlag() && flags[name] != "true" && flags[name] != "false" {
			return fmt.Errorf("option %q is %q; it must be true or false", name, flags[name])
		}
	}
	return nil
}

// flagNames lists the flags that configure a collector or say where the host's
// file systems are, sorted.
func flagNames() []string {
	var names []string
	for _, flag := range kingpin.CommandLine.Model().Flags {
		if strings.HasPrefix(flag.Name, collectorFlag) || strings.HasPrefix(flag.Name, "path.") {
			names = append(names, flag.Name)
		}
	}
	slices.Sort(names)
	return names
}
