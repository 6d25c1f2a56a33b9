package changes

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The bounds of what is parsed for one panel. A panel past them has all
// changes drawn.
const (
	maxExprs     = 100
	maxExprBytes = 64 << 10
)

// follower reads from expressions which services and environments they are
// about.
type follower struct {
	parser                parser.Parser
	macros                *strings.Replacer
	services, environment []string // the labels that name them
}

// selector is what one vector selector says of service and environment.
type selector struct{ service, environment []*labels.Matcher }

// selectors are those of a panel; none of them accepts all.
type selectors []selector

func parserOptions() parser.Options {
	return parser.Options{EnableExperimentalFunctions: true, EnableBinopFillModifiers: true}
}

func newFollower(p parser.Parser, services, environments []string) follower {
	return follower{parser: p, macros: macroReplacer(), services: services, environment: environments}
}

// macroReplacer puts something that parses where Grafana's macros stand. The
// values do not matter: only selectors are read. Of two names that begin alike
// the longer one comes first.
func macroReplacer() *strings.Replacer {
	var pairs []string
	for _, m := range [][2]string{
		{"rate_interval_ms", "60000"}, {"rate_interval", "1m"},
		{"interval_ms", "60000"}, {"interval", "1m"},
		{"range_ms", "60000"}, {"range_s", "60"}, {"range", "1m"},
	} {
		pairs = append(pairs, "${__"+m[0]+"}", m[1], "[[__"+m[0]+"]]", m[1], "$__"+m[0], m[1])
	}
	return strings.NewReplacer(pairs...)
}

// selectorsOf returns the selectors of exprs; none where one of them cannot
// be parsed, because then nobody knows what the panel is about.
func (f follower) selectorsOf(exprs []string) selectors {
	size := 0
	for _, expr := range exprs {
		size += len(expr)
	}
	if len(exprs) > maxExprs || size > maxExprBytes {
		return nil
	}
	var all selectors
	for _, expr := range exprs {
		if strings.TrimSpace(expr) == "" {
			continue
		}
		parsed, err := f.parser.ParseExpr(f.macros.Replace(expr))
		if err != nil {
			return nil
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			if v, ok := node.(*parser.VectorSelector); ok {
				all = append(all, f.read(v))
			}
			return nil
		})
	}
	return all
}

func (f follower) read(v *parser.VectorSelector) selector {
	var s selector
	for _, m := range v.LabelMatchers {
		switch {
		case slices.Contains(f.services, m.Name):
			s.service = append(s.service, m)
		case slices.Contains(f.environment, m.Name):
			s.environment = append(s.environment, m)
		}
	}
	return s
}

// accepts reports whether one of the selectors is about this service and this
// environment. What is global concerns all.
func (all selectors) accepts(service, environment string) bool {
	if len(all) == 0 {
		return true
	}
	return slices.ContainsFunc(all, func(s selector) bool {
		return matches(s.service, service) && matches(s.environment, environment)
	})
}

func matches(matchers []*labels.Matcher, value string) bool {
	if value == "" {
		return true
	}
	for _, m := range matchers {
		if !m.Matches(value) {
			return false
		}
	}
	return true
}
