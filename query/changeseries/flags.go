package changeseries

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
)

// flagLines returns the timelines of tidemark_flag_state; where a limit ended the
// reading, those that were read, and an error.
func (r *reader) flagLines(ctx context.Context, sel selection) (lines, error) {
	reading := flagReading{
		reader: r, selection: sel, found: lines{},
		flags: map[flagPlace]*flagShares{}, values: map[string][]annotate.Share{},
	}
	err := r.log.FlagStates(ctx, sel.filter, sel.window.from, sel.window.to, reading.take)
	return reading.found, err
}

// flagReading follows flags from each state that they were given to the next.
type flagReading struct {
	*reader
	selection
	// found are the series so far, each of which shows in the window.
	found lines
	flags map[flagPlace]*flagShares
	read  int
	// values are the shares of values that were met before.
	values map[string][]annotate.Share
}

// flagPlace is where a flag has a state of its own.
type flagPlace struct{ flag, service, environment string }

// flagShares are the variations of a flag that have a series: those that its
// value names, and those that only the value before named, which are at 0.
type flagShares struct {
	named []annotate.Share
	left  []string
}

func names(shares []annotate.Share, variation string) bool {
	return slices.ContainsFunc(shares, func(s annotate.Share) bool { return s.Variation == variation })
}

// take takes in the next state.
func (r *flagReading) take(s annotate.FlagState) error {
	at := flagPlace{s.Flag, s.Service, s.Environment}
	f := r.flags[at]
	if f == nil || s.Start > r.window.from { // else the series of the state before may be gone with this one
		if limit := r.limitOf(inFlagState); len(r.found) > limit {
			return r.tooMany(inFlagState, limit)
		}
	}
	if r.read++; r.read > r.opts.MaxStarts {
		return r.tooLong(inFlagState)
	}
	if f == nil {
		f = &flagShares{}
		r.flags[at] = f
	}
	next := r.sharesOf(s.Value)
	for _, variation := range f.left {
		if !names(next, variation) {
			r.end(s, variation)
		}
	}
	f.left = f.left[:0]
	for _, was := range f.named {
		switch {
		case len(next) == 0:
			r.end(s, was.Variation)
		case !names(next, was.Variation):
			r.set(s, was.Variation, 0)
			f.left = append(f.left, was.Variation)
		}
	}
	for _, share := range next {
		r.set(s, share.Variation, share.Part)
	}
	f.named = next
	return nil
}

func seriesOf(s annotate.FlagState, variation string) identity {
	return identity{flag: s.Flag, service: s.Service, environment: s.Environment, variation: variation}
}

// set gives a variation the share v from s on.
func (r *flagReading) set(s annotate.FlagState, variation string, v float64) {
	id := seriesOf(s, variation)
	line := r.found[id]
	switch {
	case line != nil && line.last() == v:
		return
	case line == nil && !families[inFlagState].selects(r.matchers, id):
		return
	}
	r.found.of(id).set(s.Start, v)
}

// end ends the series of a variation with s.
func (r *flagReading) end(s annotate.FlagState, variation string) {
	id := seriesOf(s, variation)
	line := r.found[id]
	switch {
	case line == nil:
	case s.Start <= r.window.from:
		delete(r.found, id)
	default:
		line.set(s.Start, ended)
	}
}

// maxKnownValues is how many values are remembered: flags mostly have the same few.
const maxKnownValues = 1000

// sharesOf returns which share each variation has that a flag's value names, by
// their labels.
func (r *flagReading) sharesOf(value string) []annotate.Share {
	shares, ok := r.values[value]
	if ok {
		return shares
	}
	shares = annotate.SharesOf([]byte(value))
	for i := range shares {
		shares[i].Variation = variationLabel(shares[i].Variation)
	}
	if len(r.values) >= maxKnownValues {
		clear(r.values)
	}
	r.values[value] = shares
	return shares
}

// maxVariation is how long the label of a variation is at the most, in bytes: a
// flag's value may be kilobytes of JSON.
const maxVariation = annotate.MaxName

// variationLabel returns the label of a variation: its name, or, of a long one,
// the beginning with a hash of all, so that two that begin alike stay apart.
func variationLabel(name string) string {
	if len(name) <= maxVariation {
		return name
	}
	hash := fnv.New32a()
	hash.Write([]byte(name))
	end := fmt.Sprintf("…%08x", hash.Sum32())
	cut := maxVariation - len(end)
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + end
}
