package driver

import (
	"os"
	"path/filepath"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

const (
	// argoSynced is what is remembered of a sync that succeeded: when it ended.
	argoSynced = "synced"
	// argoDegraded is how often in a row an application must be degraded for the deploy
	// to have failed: one is so for a moment while its parts are replaced.
	argoDegraded = 6
	// argoUnawaited is the file that says that its health is not waited for any longer.
	argoUnawaited = "unawaited"
)

// health says how the application is once it is synced. One of which nothing has a
// health has none. What the controller saw before the sync ended does not count.
func (f *following) health(app argoApplication) (none deploy.Outcome, over bool, err error) {
	if _, err := os.Stat(filepath.Join(f.job.Folder, argoUnawaited)); err == nil {
		return deploy.Outcome{Status: annotate.Cancelled, Text: "synced, and its health was not waited for"}, true, nil
	}
	synced, err := time.Parse(time.RFC3339, f.memory.Said[argoSynced])
	if reconciled := app.Status.Reconciled; err == nil && !reconciled.IsZero() && reconciled.Before(synced) {
		return none, false, nil
	}
	status, message := app.Status.Health.Status, shorten(app.Status.Health.Message, f.token)
	f.news("health", status+" "+message, "%s", phrase("Health", status, message))
	if status != "Degraded" {
		f.memory.changed = f.memory.changed || f.memory.Degraded != 0
		f.memory.Degraded = 0
	}
	switch status {
	case "Healthy", "":
		return deploy.Outcome{Status: annotate.Succeeded, Text: "synced, and healthy"}, true, nil
	case "Degraded":
		f.memory.Degraded, f.memory.changed = f.memory.Degraded+1, true
		if f.memory.Degraded >= argoDegraded {
			return deploy.Outcome{Status: annotate.Failed, Text: phrase("synced, but degraded", message)}, true, nil
		}
	}
	return none, false, nil
}
