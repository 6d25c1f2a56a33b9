package changelog

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// FlagStates calls fn with what the changes that f selects made of flags in
// (from, to], in Unix milliseconds, and before that with what each flag was at
// from, and what it was before it became that. Only those changes count that took
// effect: they succeeded, or are running. The states of one flag in one service
// and environment come in the order of their starts; of those that started
// together, the last alone.
func (l *Log) FlagStates(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.FlagState) error) error {
	c := selectingSpans(f)
	in(c.groups, "status", []annotate.Status{annotate.Succeeded, annotate.Running})
	c.rest.and("flag_state != ''")
	return l.snapshot(ctx, func(db queryer) error {
		if from > earliestMS {
			query, args := newestTwoStates(f.Flags, c, from)
			if err := l.readStates(ctx, db, 2, fn, query, args...); err != nil {
				return err
			}
		}
		query, args := statesBetween(f.Flags, c, from, to)
		return l.readStates(ctx, db, math.MaxInt, fn, query, args...)
	})
}

// flagGroups are all flags with the groups that each has changes in, flag by
// flag. They are skipped through in the index from each to the next, so that it
// does not matter how many changes there are of them.
const flagGroups = `
	WITH RECURSIVE flags (flag) AS (
		SELECT min(flag) FROM changes INDEXED BY changes_flag WHERE flag != ''
		UNION ALL
		SELECT (SELECT min(flag) FROM changes INDEXED BY changes_flag WHERE flag != '' AND flag > flags.flag)
		FROM flags WHERE flag IS NOT NULL
	)` + groupsOfFlags

// groupsOfFlags are the groups of what the table flags names.
const groupsOfFlags = `, flag_groups (of_flag, of_group) AS (
		SELECT flag, (SELECT min(group_id) FROM changes INDEXED BY changes_flag WHERE flag != '' AND flag = flags.flag)
		FROM flags WHERE flag IS NOT NULL
		UNION ALL
		SELECT of_flag, (SELECT min(group_id) FROM changes INDEXED BY changes_flag
			WHERE flag != '' AND flag = of_flag AND group_id > of_group)
		FROM flag_groups WHERE of_group IS NOT NULL
		ORDER BY 1, 2
	)`

// flagGroupsOf returns flagGroups of the flags given, or of all.
func flagGroupsOf(flags []string) (with string, args []any) {
	if len(flags) == 0 {
		return flagGroups, nil
	}
	for _, flag := range slices.Compact(slices.Sorted(slices.Values(flags))) {
		args = append(args, flag)
	}
	return "WITH RECURSIVE flags (flag) AS (VALUES (?)" + strings.Repeat(",(?)", len(args)-1) + ")" + groupsOfFlags, args
}

// newestTwoStates selects, of each flag and group, the newest state that started
// not after t, and the newest that started before that one.
func newestTwoStates(flags []string, c conditions, t int64) (query string, args []any) {
	with, args := flagGroupsOf(flags)
	query = fmt.Sprintf(`%[1]s, newest AS MATERIALIZED (
			SELECT of_flag, of_group, start_ms AS of_start, changes.id, flag_state
			FROM flag_groups CROSS JOIN groups ON groups.id = of_group CROSS JOIN changes
			ON num = (SELECT num FROM changes INDEXED BY changes_flag
				WHERE flag != '' AND flag = of_flag AND group_id = of_group AND start_ms <= ? AND %[2]s
				ORDER BY start_ms DESC, id DESC LIMIT 1)
			WHERE n > 0 AND %[3]s
		)
		SELECT * FROM newest
		UNION ALL
		SELECT flag, group_id, start_ms, changes.id, changes.flag_state FROM newest CROSS JOIN changes
		ON num = (SELECT num FROM changes INDEXED BY changes_flag
			WHERE flag != '' AND flag = of_flag AND group_id = of_group AND start_ms < of_start AND %[2]s
			ORDER BY start_ms DESC, id DESC LIMIT 1)
		ORDER BY 1, 2, 3`, with, c.rest, c.groups)
	return query, slices.Concat(args, []any{t}, c.rest.args, c.groups.args, c.rest.args)
}

// statesBetween selects the states that started in (from, to], flag by flag.
func statesBetween(flags []string, c conditions, from, to int64) (query string, args []any) {
	with, args := flagGroupsOf(flags)
	w := &where{}
	w.and("start_ms > ? AND start_ms <= ?", from, to)
	w.all(c.changes())
	query = fmt.Sprintf(`%s
		SELECT flag, group_id, start_ms, id, flag_state FROM flag_groups CROSS JOIN changes INDEXED BY changes_flag
		ON flag != '' AND flag = of_flag AND group_id = of_group
		WHERE %s`, with, w)
	return query, append(args, w.args...)
}

// readStates calls fn with the states that the query selects flag by flag, but
// of each flag in each place with no more than the newest so many of them.
func (l *Log) readStates(ctx context.Context, db queryer, newest int, fn func(annotate.FlagState) error, query string, args ...any) error {
	var flag statesOfFlag
	err := each(ctx, db, func(scan scanner) error {
		var s givenState
		var group int64
		if err := scan(&s.Flag, &group, &s.Start, &s.id, &s.Value); err != nil {
			return err
		}
		if flag.name != s.Flag {
			if err := flag.tell(newest, fn); err != nil {
				return err
			}
			flag = statesOfFlag{name: s.Flag}
		}
		if flag.last == nil || flag.group != group {
			g, err := l.names.of(ctx, db, group)
			if err != nil {
				return err
			}
			flag.enter(group, g)
		}
		s.Service, s.Environment = flag.last.service, flag.last.environment
		flag.last.states = append(flag.last.states, s)
		return nil
	}, query, args...)
	if err != nil {
		return err
	}
	return flag.tell(newest, fn)
}

// givenState is a state with the id of the change that gave it.
type givenState struct {
	annotate.FlagState
	id string
}

// statesOfFlag gathers the states of one flag as they are read, group by group,
// each in the order of their starts.
type statesOfFlag struct {
	name   string
	places []*statesOfPlace
	// group is the one that is being read, and last where it belongs.
	group int64
	last  *statesOfPlace
}

type statesOfPlace struct {
	service, environment string
	states               []givenState
	// mixed says that they are of several groups, and so in no order.
	mixed bool
}

// enter says that the states which follow are of the group g.
func (f *statesOfFlag) enter(id int64, g annotate.Group) {
	f.group = id
	for _, p := range f.places {
		if p.service == g.Service && p.environment == g.Environment {
			f.last, p.mixed = p, true
			return
		}
	}
	f.last = &statesOfPlace{service: g.Service, environment: g.Environment}
	f.places = append(f.places, f.last)
}

// tell calls fn with the states, place by place.
func (f *statesOfFlag) tell(newest int, fn func(annotate.FlagState) error) error {
	for _, p := range f.places {
		if p.mixed {
			slices.SortFunc(p.states, func(a, b givenState) int {
				return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.id, b.id))
			})
		}
		states := lastOfStarts(p.states)
		for _, s := range states[max(0, len(states)-newest):] {
			if err := fn(s.FlagState); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastOfStarts returns of the states that started together only the last.
func lastOfStarts(states []givenState) []givenState {
	last := states[:0]
	for i, s := range states {
		if i+1 == len(states) || states[i+1].Start != s.Start {
			last = append(last, s)
		}
	}
	return last
}
