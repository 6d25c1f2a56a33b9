package changes

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// userOf names the user in whose name the server is asked, where that makes a
// difference to the answer.
func (l *Log) userOf(ctx context.Context) string {
	if !l.opts.PerUser {
		return ""
	}
	if user := backend.UserFromContext(ctx); user != nil {
		return user.Login
	}
	return ""
}
