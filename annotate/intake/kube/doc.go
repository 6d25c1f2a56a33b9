// Package kube watches the workloads of Kubernetes clusters, and tells of their rollouts.
// It only reads.
package kube
