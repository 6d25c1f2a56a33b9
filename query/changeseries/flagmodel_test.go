package changeseries_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/tidemark/tidemark/annotate"
)

// flagValues are the values that flags have in the tests, by what each of them
// gives to whom. Those that give nothing to anybody are of a flag that is no more.
func flagValues() []flagValue {
	return []flagValue{
		{nil, nil},
		{"on", map[string]float64{"on": 1}},
		{"off", map[string]float64{"off": 1}},
		{true, map[string]float64{"true": 1}},
		{42.0, map[string]float64{"42": 1}},
		{map[string]any{"on": 10.0, "off": 90.0}, map[string]float64{"on": 0.1, "off": 0.9}},
		{map[string]any{"on": 50.0, "off": 25.0, "SdkDefault": 25.0}, map[string]float64{"on": 0.5, "off": 0.25, "SdkDefault": 0.25}},
		{map[string]any{"on": 100.0, "off": 0.0}, map[string]float64{"on": 1, "off": 0}},
		{[]any{"a", 1.0}, map[string]float64{`["a",1]`: 1}},
		{map[string]any{"limit": 500.0}, map[string]float64{`{"limit":500}`: 1}},
	}
}

type flagValue struct {
	value  any
	shares map[string]float64
}

// randomFlips makes some of the changes flips of two flags, one of which only
// goes between on and off.
func randomFlips(r *rand.Rand, spans []annotate.Span) flips {
	found, values := flips{}, flagValues()
	for _, s := range spans {
		switch r.IntN(4) {
		case 0, 1:
			found[s.ID] = annotate.FlagChange{Key: "cart", From: values[r.IntN(len(values))].value, To: values[r.IntN(len(values))].value}
		case 2:
			found[s.ID] = annotate.FlagChange{Key: "dark", To: values[1+r.IntN(2)].value}
		}
	}
	return found
}

// flagStates returns the share of each variation at t, by brute force.
func (m model) flagStates(t int64) map[string]float64 {
	type place struct{ flag, service, environment string }
	type state struct {
		start  int64
		shares map[string]float64
	}
	states := map[place][]state{}
	for _, s := range m.spans {
		flip, ok := m.flips[s.ID]
		if !ok || flip.From == nil && flip.To == nil || s.Start > t || s.Status != annotate.Succeeded && s.Status != annotate.Running {
			continue
		}
		at := place{flip.Key, s.Service, s.Environment}
		if list := states[at]; len(list) > 0 && list[len(list)-1].start == s.Start {
			states[at] = list[:len(list)-1]
		}
		states[at] = append(states[at], state{s.Start, sharesOf(flip.To)})
	}
	found := map[string]float64{}
	for at, list := range states {
		now := list[len(list)-1].shares
		add := func(variation string, v float64) {
			found[key("environment", at.environment, "flag", at.flag, "service", at.service, "variation", variation)] = v
		}
		if len(list) > 1 && now != nil {
			for variation := range list[len(list)-2].shares {
				add(variation, 0)
			}
		}
		for variation, share := range now {
			add(variation, share)
		}
	}
	return found
}

// sharesOf looks up what a value gives to whom.
func sharesOf(value any) map[string]float64 {
	for _, v := range flagValues() {
		if fmt.Sprint(v.value) == fmt.Sprint(value) {
			return v.shares
		}
	}
	panic(fmt.Sprint("a value of which the model does not know: ", value))
}
