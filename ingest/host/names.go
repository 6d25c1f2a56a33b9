package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// Known lists the collectors that this platform has, sorted.
func Known() []string { return switches(func(string) bool { return true }) }

// Defaults lists the collectors that run where nobody says which: those that
// node_exporter runs by default, sorted.
func Defaults() []string {
	return switches(func(byDefault string) bool { return byDefault == "true" })
}

// switches lists the collectors whose switch has a default that keep accepts.
// A collector's own switch is the flag collector.NAME whose help node_exporter
// writes the same way for each; its other flags have a second dot or another help.
func switches(keep func(byDefault string) bool) []string {
	var names []string
	for _, flag := range kingpin.CommandLine.Model().Flags {
		name, ok := strings.CutPrefix(flag.Name, collectorFlag)
		if ok && strings.HasPrefix(flag.Help, "Enable the "+name+" collector (default: ") && keep(strings.Join(flag.Default, "")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// choose returns the collectors that opts ask for, sorted.
func choose(opts Options) ([]string, error) {
	known := Known()
	for _, list := range []struct {
		key   string
		names []string
	}{{"collectors", opts.Collectors}, {"enable", opts.Enable}, {"disable", opts.Disable}} {
		for _, name := range list.names {
			if !slices.Contains(known, name) {
				return nil, fmt.Errorf("host.%s: unknown collector %q; known: %s", list.key, name, strings.Join(known, ", "))
			}
		}
	}
	chosen := opts.Collectors
	if chosen == nil {
		chosen = Defaults()
	}
	chosen = slices.Concat(chosen, opts.Enable)
	chosen = slices.DeleteFunc(chosen, func(name string) bool { return slices.Contains(opts.Disable, name) })
	slices.Sort(chosen)
	chosen = slices.Compact(chosen)
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no collector is left to run; to have no host metrics, say host.enabled: false")
	}
	return chosen, nil
}
