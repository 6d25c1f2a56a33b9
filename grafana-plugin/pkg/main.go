// Command gpx_tidemark is the backend of the Grafana data source for Tidemark.
// Grafana starts it.
package main

import (
	"os"

	sdk "github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/datasource"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/heapfloor"
)

// pluginID is that of plugin.json.
const pluginID = "tidemark-tidemark-datasource"

func main() {
	defer heapfloor.Raise(heapfloor.Dashboards)()
	if err := sdk.Manage(pluginID, datasource.New, sdk.ManageOpts{}); err != nil {
		log.DefaultLogger.Error("the backend ended", "err", err)
		os.Exit(1)
	}
}
