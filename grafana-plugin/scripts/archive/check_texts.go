package main

import (
	"fmt"
	"regexp"
	"strings"
)

// leastREADME is how many bytes a README has that tells anything.
const leastREADME = 500

var (
	// relativeLink finds links and images that lead nowhere in the catalogue.
	relativeLink = regexp.MustCompile(`\]\((\.{0,2}/[^)]*|[^):#]+\.(md|png|svg|jpe?g|gif))\)`)
	// ofTheTemplate are words of the scaffold's README.
	ofTheTemplate = []string{
		"This is a template", "plugin template", "Getting started\n\n### Frontend", "npm run dev", "create-plugin",
		"<!-- This README", "TODO", "Lorem ipsum",
	}
)

// checkTexts looks at what people read: README, changelog and licence.
func (p *plugin) checkTexts() []string {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for name, look := range map[string]func(text string){
		"README.md": func(text string) {
			if len(text) < leastREADME {
				wrong("README.md: %d bytes tell nobody anything", len(text))
			}
			for _, words := range ofTheTemplate {
				if strings.Contains(text, words) {
					wrong("README.md: %q is left of the template", words)
				}
			}
			for _, link := range relativeLink.FindAllStringSubmatch(text, -1) {
				wrong("README.md: the link %s is relative, and leads nowhere in the catalogue", link[1])
			}
		},
		"CHANGELOG.md": func(text string) {
			if !strings.Contains(text, p.about.Info.Version) {
				wrong("CHANGELOG.md: says nothing of %s", p.about.Info.Version)
			}
		},
		"LICENSE": func(text string) {
			if !strings.Contains(text, "Apache License") || !strings.Contains(text, "Version 2.0") {
				wrong("LICENSE: is not the Apache License 2.0")
			}
		},
	} {
		text, err := p.read(name)
		if err != nil {
			wrong("%s", err)
			continue
		}
		look(string(text))
	}
	return problems
}
