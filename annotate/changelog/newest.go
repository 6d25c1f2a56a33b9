package changelog

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// Newest returns the newest change that f selects and that has begun, planned
// ones left out, or that of each service or flag, newest first. With f.To it is
// the newest that had begun by then, of changes as the log knows them now.
func (l *Log) Newest(ctx context.Context, f annotate.Filter, per annotate.Per) (annotate.Newest, error) {
	q := newPageQuery(f, 1)
	q.conditions.groups.and("status != ?", string(annotate.Planned))
	q.times.to = min(q.times.to, l.opts.Now().UnixMilli())
	if per == annotate.PerNothing {
		changes, err := l.page(ctx, q)
		return annotate.Newest{Changes: changes}, l.readError(err)
	}
	p, ok := partitions[per]
	if !ok {
		return annotate.Newest{}, &annotate.Error{Code: annotate.Invalid, Field: "per", Value: string(per), Message: "must be service or flag"}
	}
	answer := annotate.Newest{Changes: []annotate.Change{}}
	err := l.snapshot(ctx, func(db queryer) error {
		var nums []int64
		seen := map[place]bool{}
		query, args := p.newest(q)
		err := each(ctx, db, func(scan scanner) error {
			var at place
			var num int64
			if err := scan(&at.flag, &at.service, &at.environment, &num); err != nil {
				return err
			}
			switch {
			case seen[at]:
			case len(nums) == annotate.MaxNewest:
				answer.Omitted++
			default:
				nums = append(nums, num)
			}
			seen[at] = true
			return nil
		}, query, args...)
		if err != nil {
			return err
		}
		answer.Changes, err = changesOf(ctx, db, nums)
		return err
	})
	return answer, l.readError(err)
}

// place is where the newest change is looked for. Parts that do not matter are
// empty.
type place struct{ flag, service, environment string }

// partition says how the log is parted into places. Those of one place can be
// in several parts, each of which an index leads to the newest change of.
type partition struct {
	// with and from are the parts: clauses that have the table groups in them.
	with, from string
	// columns are what makes the place.
	columns string
	// index finds the changes of a part, and where says which they are.
	index, where string
}

// partitions are the ways to ask for the newest of each.
var partitions = map[annotate.Per]partition{
	annotate.PerService: {
		from:    "groups",
		columns: "'', service, ''",
		index:   "changes_group",
		where:   "group_id = groups.id",
	},
	annotate.PerFlag: {
		with:    flagGroups,
		from:    "flag_groups CROSS JOIN groups ON groups.id = of_group",
		columns: "of_flag, service, environment",
		index:   "changes_flag",
		where:   "flag != '' AND flag = of_flag AND group_id = of_group",
	},
}

// newest returns the query for the newest change of each part that q selects,
// newest first: the place and the change's number.
func (p partition) newest(q pageQuery) (query string, args []any) {
	w := &where{}
	w.and(p.where+" AND start_ms <= ? AND end_ms >= ?", q.times.to, q.times.from)
	w.all(q.conditions.rest)
	return fmt.Sprintf(`%s
		SELECT %s, num FROM %s CROSS JOIN changes
		ON num = (SELECT num FROM changes INDEXED BY %s WHERE %s ORDER BY start_ms DESC, id DESC LIMIT 1)
		WHERE n > 0 AND %s ORDER BY start_ms DESC, changes.id DESC`,
		p.with, p.columns, p.from, p.index, w, q.conditions.groups), append(w.args, q.conditions.groups.args...)
}

// changesOf returns the changes with the numbers given, in their order.
func changesOf(ctx context.Context, db queryer, nums []int64) ([]annotate.Change, error) {
	changes := make([]annotate.Change, len(nums))
	err := bodiesOf(ctx, db, nums, func(i int, r row) (err error) {
		changes[i], err = decode(r.body)
		return err
	})
	return changes, err
}
