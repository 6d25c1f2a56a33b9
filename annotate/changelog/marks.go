package changelog

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Marks returns what to draw for the changes that q selects. It returns an
// Invalid error without both From and To, and for a limit or a resolution out of
// bounds.
//
// It looks at each of the changes, and holds no more than the marks.
func (l *Log) Marks(ctx context.Context, q annotate.MarkQuery) (annotate.Marks, error) {
	if err := checkMarks(q); err != nil {
		return annotate.Marks{}, err
	}
	times := timesOf(q.Filter)
	if q.Resolution == 0 {
		q.Resolution = max(1000, (times.to-times.from)/annotate.DefaultMarks)
	}
	gathered := newClusters(q.Resolution, times.to-times.from, q.Limit)
	marks := annotate.Marks{Marks: []annotate.Mark{}}
	err := l.snapshot(ctx, func(db queryer) error {
		err := l.occurrences(ctx, db, q.Filter, func(o occurrence) {
			marks.Total++
			gathered.add(o)
		})
		if err != nil {
			return err
		}
		var list []cluster
		list, marks.Omitted = gathered.all()
		marks.Marks, err = l.marks(ctx, db, list)
		return err
	})
	marks.Resolution = gathered.resolution
	return marks, l.readError(err)
}

func checkMarks(q annotate.MarkQuery) error {
	invalid := func(field string, value any, message string) error {
		return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: message}
	}
	switch {
	case q.From.IsZero():
		return invalid("from", nil, "is missing; marks are drawn between two times")
	case q.To.IsZero():
		return invalid("to", nil, "is missing; marks are drawn between two times")
	case q.From.After(q.To.Time):
		return invalid("from", q.From, "is after to; from is the earlier of both")
	case q.Limit < 1 || q.Limit > annotate.MaxMarks:
		return invalid("limit", q.Limit, fmt.Sprintf("must be from 1 to %d", annotate.MaxMarks))
	case q.Resolution < 0:
		return invalid("resolution", q.Resolution, "must be longer than nothing")
	}
	return nil
}

// occurrences calls fn with each change that f selects, in no order.
func (l *Log) occurrences(ctx context.Context, db queryer, f annotate.Filter, fn func(occurrence)) error {
	q := newPageQuery(f, 0)
	s, err := q.sourceOfAll(ctx, db)
	if err != nil {
		return err
	}
	read := func(s source, w *where) error {
		w.all(q.conditions.changes())
		// Of thousands of rows, each integer is taken as it comes: reflection,
		// by which database/sql would convert it, costs more than the row.
		var columns [4]any
		into := []any{&columns[0], &columns[1], &columns[2], &columns[3]}
		return each(ctx, db, func(scan scanner) error {
			if err := scan(into...); err != nil {
				return err
			}
			o, err := occurrenceOf(columns)
			if err != nil {
				return err
			}
			g, err := l.names.of(ctx, db, o.group)
			if err != nil {
				return err
			}
			o.failed = g.Status == annotate.Failed
			fn(o)
			return nil
		}, "SELECT num, group_id, start_ms, end_ms FROM "+s.from+" WHERE "+w.String(), w.args...)
	}
	recent := &where{}
	q.times.recent(recent)
	recent.all(s.where)
	if err := read(s, recent); err != nil {
		return err
	}
	for _, older := range q.times.older() {
		if err := read(source{from: "changes INDEXED BY changes_long"}, older); err != nil {
			return err
		}
	}
	return nil
}

// occurrenceOf reads the columns num, group_id, start_ms and end_ms.
func occurrenceOf(columns [4]any) (o occurrence, err error) {
	for i, into := range []*int64{&o.num, &o.group, &o.start, &o.end} {
		n, ok := columns[i].(int64)
		if !ok {
			return o, fmt.Errorf("reading the change log: column %d is %T and no integer", i, columns[i])
		}
		*into = n
	}
	return o, nil
}

// marks returns the list's clusters as they are drawn, each with its newest change.
func (l *Log) marks(ctx context.Context, db queryer, list []cluster) ([]annotate.Mark, error) {
	nums := make([]int64, len(list))
	marks := make([]annotate.Mark, len(list))
	for i, c := range list {
		g, err := l.names.of(ctx, db, c.newest.group)
		if err != nil {
			return nil, err
		}
		nums[i] = c.newest.num
		marks[i] = annotate.Mark{
			Kind: g.Kind, Service: g.Service, Environment: g.Environment, Status: g.Status,
			Start: timeOf(c.start), Count: c.count,
		}
		if c.end != annotate.Ongoing {
			end := timeOf(c.end)
			marks[i].End = &end
		}
	}
	err := bodiesOf(ctx, db, nums, func(i int, r row) (err error) {
		marks[i].Change = bytes.Clone(r.body)
		marks[i].Headline, err = r.headline(marks[i].Kind, marks[i].Service)
		return err
	})
	return marks, err
}

// row is what is read of a change for a mark of it.
type row struct {
	version, flag string
	// body is the change as JSON, which the next row takes the place of.
	body []byte
}

// headline returns the headline of r, a change of the kind and service given.
// It does not read the change as a whole unless it has to: there are thousands.
func (r row) headline(kind, service string) (string, error) {
	// The title is behind the kind, a word without escapes, and what is before
	// that holds no objects. In a string, the quotes would be escaped.
	_, rest, _ := bytes.Cut(r.body, []byte(`"kind":"`))
	_, rest, found := bytes.Cut(rest, []byte(`",`))
	title, titled := bytes.CutPrefix(rest, []byte(`"title":"`))
	if titled {
		title, _, _ = bytes.Cut(title, []byte(`"`))
	}
	switch {
	case !found, titled && bytes.IndexByte(title, '\\') >= 0, !titled && r.flag != "":
		c, err := decode(r.body)
		return c.Headline(), err
	case titled:
		return string(title), nil
	}
	return annotate.Change{Kind: kind, Service: service, Version: r.version}.Headline(), nil
}

// bodiesOf calls fn with each change of those with the numbers given, and its
// place among them.
func bodiesOf(ctx context.Context, db queryer, nums []int64, fn func(i int, r row) error) error {
	wanted := []byte{'['}
	for i, num := range nums {
		if i > 0 {
			wanted = append(wanted, ',')
		}
		wanted = strconv.AppendInt(wanted, num, 10)
	}
	wanted = append(wanted, ']')
	var i int64
	var version, flag, body sql.RawBytes
	into := []any{&i, &version, &flag, &body}
	return each(ctx, db, func(scan scanner) error {
		if err := scan(into...); err != nil {
			return err
		}
		return fn(int(i), row{string(version), string(flag), body})
	}, "SELECT wanted.key, version, flag, body FROM json_each(?) AS wanted CROSS JOIN changes ON num = wanted.value", string(wanted))
}

// timeOf returns the time ms, in Unix milliseconds.
func timeOf(ms int64) annotate.Time { return annotate.At(time.UnixMilli(ms)) }
