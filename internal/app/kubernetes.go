package app

import (
	"context"

	"github.com/tidemark/tidemark/annotate/intake/kube"
	"github.com/tidemark/tidemark/internal/config"
)

// startKubernetes follows the rollouts of clusters, until the stop.
func (a *App) startKubernetes(context.Context) error {
	a.clusters = kube.New(kube.Options{Log: a.changes, Logger: a.logger.With("component", "kubernetes"), Metrics: a.telemetry.set})
	a.stops.push("kubernetes", func(context.Context) error {
		a.clusters.Close()
		return nil
	})
	return a.applyKubernetes(a.config.Load())
}

// applyKubernetes takes over the section kubernetes.
func (a *App) applyKubernetes(cfg *config.Config) error {
	a.clusters.Apply(cfg.Kubernetes.Clusters)
	return nil
}
