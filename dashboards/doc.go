// Package dashboards holds what people look at: the Grafana dashboards for the
// Tidemark data source, and the files that provision them. It asks nothing and
// records nothing.
package dashboards

//go:generate go run ./generate json
