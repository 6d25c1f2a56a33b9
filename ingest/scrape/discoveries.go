package scrape

// The service discoveries of the ordinary build: those that need no more than
// the network, and the three that are asked for most. Build with
// `-tags alldiscovery` for every one that Prometheus has.
import (
	_ "github.com/prometheus/prometheus/discovery/consul"
	_ "github.com/prometheus/prometheus/discovery/dns"
	_ "github.com/prometheus/prometheus/discovery/file"
	_ "github.com/prometheus/prometheus/discovery/http"
	_ "github.com/prometheus/prometheus/discovery/kubernetes"
	_ "github.com/prometheus/prometheus/discovery/moby"
)
