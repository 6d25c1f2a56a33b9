package server

import (
	"context"
	"net/http"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/auth"
)

// Changes is the log of changes. Its errors are *annotate.Error where a caller
// can do something about them.
type Changes interface {
	// Record takes a report in by's name, durably, and returns the change as it
	// stands then.
	Record(ctx context.Context, by string, r annotate.Report) (annotate.Result, error)
	// RecordBatch takes all reports or none. Its results are in their order.
	RecordBatch(ctx context.Context, by string, rs []annotate.Report) ([]annotate.Result, error)
	// Amend corrects a change.
	Amend(ctx context.Context, by, id string, p annotate.Patch) (annotate.Change, error)
	// Get returns one change.
	Get(ctx context.Context, id string) (annotate.Change, error)
	// Numbers returns a number of its own for each change, and Numbered the change that
	// has one.
	Numbers(ctx context.Context, ids []string) ([]int64, error)
	Numbered(ctx context.Context, number int64) (annotate.Change, error)
	// Revisions returns the states that a change had, oldest first.
	Revisions(ctx context.Context, id string) ([]annotate.Revision, error)
	// List returns a page, newest start first.
	List(ctx context.Context, q annotate.List) (annotate.Page, error)
	// Newest returns the newest change that has begun, or that of each service
	// or flag.
	Newest(ctx context.Context, f annotate.Filter, per annotate.Per) (annotate.Newest, error)
	// Marks returns what to draw for the changes between two times.
	Marks(ctx context.Context, q annotate.MarkQuery) (annotate.Marks, error)
	// Follow calls fn for each revision after the one numbered after, and for
	// each new one, until ctx ends or fn fails; negative means new ones alone.
	Follow(ctx context.Context, after int64, f annotate.Filter, fn func(annotate.Event) error) error
}

// Authority decides who a caller is and whether they may do what they ask for.
type Authority interface {
	// Authorize returns who made r, or an *auth.Error if they may not do what
	// the role need is for. onLoopback says that only the server's own machine
	// can reach it. It must not block.
	Authorize(r *http.Request, need auth.Role, onLoopback bool) (auth.Identity, error)
	// Ticket returns what stands for the token of id in a URL; "" for none.
	Ticket(id auth.Identity) string
	// Redeem returns whom a ticket stands for, or an *auth.Error. It must not block.
	Redeem(ticket string) (auth.Identity, error)
}
