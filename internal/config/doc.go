// Package config reads tidemark.yml: Prometheus' sections with their own names
// and meaning, and Tidemark's own beside them.
//
// It never applies what it read; the parts that are configured do.
package config
