package main

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// checkScripts looks at the front end: an AMD module, and the source map of each
// script, from which a reviewer reads the source.
func (p *plugin) checkScripts() []string {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if module, err := p.read("module.js"); err != nil {
		wrong("%s", err)
	} else if !strings.Contains(string(module), "define(") {
		wrong("module.js: is no AMD module, and Grafana loads no other")
	}
	for name := range p.files {
		switch path.Ext(name) {
		case ".js":
			problems = append(problems, p.checkMap(name)...)
		case ".map":
			if script := strings.TrimSuffix(name, ".map"); p.files[script] == nil {
				wrong("%s: has no script", name)
			}
		}
	}
	return problems
}

// checkMap looks at the source map of one script.
func (p *plugin) checkMap(script string) []string {
	text, err := p.read(script + ".map")
	if err != nil {
		return []string{err.Error()}
	}
	var sourceMap struct {
		Sources []string `json:"sources"`
		Content []string `json:"sourcesContent"`
	}
	if err := json.Unmarshal(text, &sourceMap); err != nil {
		return []string{fmt.Sprintf("%s.map: %s", script, err)}
	}
	if len(sourceMap.Sources) == 0 || len(sourceMap.Content) != len(sourceMap.Sources) {
		return []string{fmt.Sprintf("%s.map: holds the source of %d of %d files", script, len(sourceMap.Content), len(sourceMap.Sources))}
	}
	return nil
}
