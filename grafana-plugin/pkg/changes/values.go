package changes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// ErrUnknownField says that a field has no values to choose from.
var ErrUnknownField = errors.New("is no field with values; ask for services, environments, versions, flags or kinds")

// Values are what a variable can be chosen from.
type Values struct {
	Values []string `json:"values"` // sorted, each once
	// Cut says that there are more.
	Cut bool `json:"cut"`
}

// ErrNoTime says that a parameter is not a time.
var ErrNoTime = errors.New("is no time; say it in Unix milliseconds")

// maxValues is how many values one answer holds.
const maxValues = 10000

// source is where the values of a field are read: a label of series.
type source struct{ label, series string }

// Values returns the values of field: services, environments, versions, flags
// or kinds. params may narrow them: from and to in Unix milliseconds, service
// and environment.
func (l *Log) Values(ctx context.Context, field string, params url.Values) (Values, error) {
	narrowed := Filter{Services: params["service"], Environments: params["environment"]}
	during, err := l.spanOf(params)
	if err != nil {
		return Values{}, err
	}
	const counted = "tidemark_changes_total"
	switch field {
	case "services":
		return l.labelValues(ctx, source{"service", counted}, narrowed, during)
	case "environments":
		return l.labelValues(ctx, source{"environment", counted}, narrowed, during)
	case "kinds":
		return l.labelValues(ctx, source{"kind", counted}, narrowed, during)
	case "versions":
		return l.labelValues(ctx, source{"version", versionSeries}, narrowed, during)
	case "flags":
		return l.flagKeys(ctx, narrowed, during)
	}
	return Values{}, fmt.Errorf("%q %w", field, ErrUnknownField)
}

// spanOf reads from and to; without them it is the last day.
func (l *Log) spanOf(params url.Values) (span, error) {
	s := span{to: l.now()}
	for name, into := range map[string]*time.Time{"from": &s.from, "to": &s.to} {
		if !params.Has(name) || params.Get(name) == "" {
			continue
		}
		ms, err := strconv.ParseInt(params.Get(name), 10, 64)
		if err != nil {
			return s, fmt.Errorf("%s %q %w", name, params.Get(name), ErrNoTime)
		}
		*into = time.UnixMilli(ms)
	}
	if s.from.IsZero() {
		s.from = s.to.Add(-24 * time.Hour)
	}
	return s, nil
}

// labelValues asks for the values that a label has in the series of changes.
func (l *Log) labelValues(ctx context.Context, from source, f Filter, s span) (Values, error) {
	answer, err := get[struct {
		Data     []string `json:"data"`
		Warnings []string `json:"warnings"`
	}](ctx, l.server, "/api/v1/label/"+from.label+"/values", url.Values{
		"match[]": {from.series + matchersOf(f)},
		"start":   {timeParam(s.from)},
		"end":     {timeParam(s.to)},
		"limit":   {strconv.Itoa(maxValues + 1)},
	})
	if err != nil {
		return Values{}, err
	}
	return valuesOf(answer.Data, len(answer.Warnings) > 0), nil
}

// flagKeys asks for the flags that were flipped up to the end of s.
func (l *Log) flagKeys(ctx context.Context, f Filter, s span) (Values, error) {
	p, _ := l.asOf(f, s.to)
	p.Set("per", "flag")
	found, err := l.newest(ctx, p)
	if err != nil {
		return Values{}, err
	}
	keys := make([]string, 0, len(found.Changes))
	for _, c := range found.Changes {
		if c.Flag != nil {
			keys = append(keys, c.Flag.Key)
		}
	}
	return valuesOf(keys, found.Omitted > 0), nil
}

func valuesOf(values []string, cut bool) Values {
	values = append([]string{}, values...)
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) > maxValues {
		values, cut = values[:maxValues], true
	}
	return Values{Values: values, Cut: cut}
}
