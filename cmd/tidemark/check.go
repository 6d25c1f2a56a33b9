package main

import "github.com/tidemark/tidemark/internal/config"

type checkCmd struct {
	Config checkConfigCmd `cmd:"" help:"Check a configuration file, as serve would read it."`
	Hook   checkHookCmd   `cmd:"" help:"See what a webhook would make of a payload, without a server: tidemark check hook NAME < payload.json."`
}

type checkConfigCmd struct {
	File string `arg:"" type:"path" help:"tidemark.yml, or a prometheus.yml."`
}

// Run prints what the file configures, or what is wrong with it.
func (c *checkConfigCmd) Run(io streams) error { return config.Check(io.Out, c.File) }
