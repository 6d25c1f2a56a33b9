package app

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/scrape"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/server"
)

// home tells the first page what runs, and how the targets are.
func (a *App) home(ctx context.Context) server.Home {
	var home server.Home
	versions, err := a.changes.NewestVersions(ctx, annotate.SpanFilter{}, a.now().UnixMilli())
	if err != nil {
		a.logger.Warn("reading what runs failed", "err", err)
	}
	for _, v := range versions {
		home.Versions = append(home.Versions, server.Running{
			Service: v.Service, Environment: v.Environment, Version: v.Version, Since: time.UnixMilli(v.End),
		})
	}
	if !a.ready.Load() {
		return home // nothing is scraped yet
	}
	for _, targets := range a.scraper.TargetsActive() {
		for _, target := range targets {
			switch target.Health() {
			case scrape.HealthGood:
				home.TargetsUp++
			case scrape.HealthBad:
				home.TargetsDown++
			}
		}
	}
	return home
}
