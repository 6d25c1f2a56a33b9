//go:build alldiscovery

package scrape

import _ "github.com/prometheus/prometheus/discovery/install" // every service discovery
