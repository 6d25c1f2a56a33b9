package metrics

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// fillMacros puts in what Grafana's macros stand for, written as $name or
// ${name}. What is no macro is left as it is.
func fillMacros(expr string, t timing) string {
	if !strings.Contains(expr, "$") {
		return expr
	}
	var out strings.Builder
	for {
		i := strings.IndexByte(expr, '$')
		if i < 0 {
			out.WriteString(expr)
			return out.String()
		}
		out.WriteString(expr[:i])
		expr = expr[i:]
		if value, length := t.leading(expr); length > 0 {
			out.WriteString(value)
			expr = expr[length:]
			continue
		}
		out.WriteByte('$')
		expr = expr[1:]
	}
}

// leading returns what the macro at the front of text stands for, and how long
// the macro is; 0 for none. Other letters may follow at once, as the unit in
// [$__range_ss]: the longest name counts.
func (t timing) leading(text string) (value string, length int) {
	name, length := macroName(text)
	braced := strings.HasPrefix(text, "${")
	for ; name != ""; name, length = name[:len(name)-1], length-1 {
		if value, ok := t.macro(name); ok {
			return value, length
		}
		if braced {
			break
		}
	}
	return "", 0
}

// macroName returns the name behind the dollar at the front of text, and how
// long it is with the dollar and the braces.
func macroName(text string) (name string, length int) {
	rest := text[1:]
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		n := strings.IndexByte(inner, '}')
		if n < 0 {
			return "", 0
		}
		return inner[:n], n + 3
	}
	n := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	if n < 0 {
		n = len(rest)
	}
	return rest[:n], n + 1
}

// macro returns what the macro called name stands for.
func (t timing) macro(name string) (string, bool) {
	switch name {
	case "__interval":
		return model.Duration(t.step).String(), true
	case "__interval_ms":
		return strconv.FormatInt(t.step.Milliseconds(), 10), true
	case "__rate_interval":
		return model.Duration(t.rateInterval).String(), true
	case "__rate_interval_ms":
		return strconv.FormatInt(t.rateInterval.Milliseconds(), 10), true
	case "__range":
		return strconv.FormatInt(t.rangeSeconds(), 10) + "s", true
	case "__range_s":
		return strconv.FormatInt(t.rangeSeconds(), 10), true
	case "__range_ms":
		return strconv.FormatInt(t.span.Milliseconds(), 10), true
	}
	return "", false
}

// rangeSeconds is at least one: PromQL has no window of nothing.
func (t timing) rangeSeconds() int64 {
	return max(int64(t.span.Round(time.Second)/time.Second), 1)
}
