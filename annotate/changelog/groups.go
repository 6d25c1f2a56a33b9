package changelog

import (
	"context"
	"fmt"
	"sync"

	"github.com/tidemark/tidemark/annotate"
)

// groupNames remembers the rows of the table groups by their id. A row that was
// committed keeps its names for good, so that nothing here grows stale.
type groupNames struct {
	mu     sync.RWMutex
	byID   map[int64]annotate.Group
	newest int64
}

// of returns the group with the id given, which db has.
func (n *groupNames) of(ctx context.Context, db queryer, id int64) (annotate.Group, error) {
	n.mu.RLock()
	g, ok := n.byID[id]
	n.mu.RUnlock()
	if ok {
		return g, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.learn(ctx, db); err != nil {
		return annotate.Group{}, err
	}
	if g, ok = n.byID[id]; !ok {
		return annotate.Group{}, fmt.Errorf("the change log has no group %d", id)
	}
	return g, nil
}

// learn reads the groups that came since it last did.
func (n *groupNames) learn(ctx context.Context, db queryer) error {
	if n.byID == nil {
		n.byID = map[int64]annotate.Group{}
	}
	return each(ctx, db, func(scan scanner) error {
		var id int64
		var g annotate.Group
		if err := scan(&id, &g.Kind, &g.Service, &g.Environment, &g.Status); err != nil {
			return err
		}
		n.byID[id] = g
		n.newest = max(n.newest, id)
		return nil
	}, "SELECT id, kind, service, environment, status FROM groups WHERE id > ?", n.newest)
}

// share is how much of the log a question is about.
type share struct {
	// groups and changes are how many the question's kinds, services,
	// environments and statuses select; all is how many changes there are.
	groups, changes, all int64
}

func shareOf(ctx context.Context, db queryer, groups *where) (s share, err error) {
	err = db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(n), 0), (SELECT coalesce(sum(n), 0) FROM groups) FROM groups WHERE n > 0 AND "+groups.String(),
		groups.args...).Scan(&s.groups, &s.changes, &s.all)
	if err != nil {
		return share{}, fmt.Errorf("reading the groups: %w", err)
	}
	return s, nil
}
