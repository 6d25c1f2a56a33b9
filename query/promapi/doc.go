// Package promapi serves Prometheus' HTTP API, with Prometheus' own code, from
// Tidemark's parts.
//
// It never decides who may call it, and listens nowhere: that is the server's.
package promapi
