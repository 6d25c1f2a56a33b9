package deploy

// ID names a target: what is deployed, and where.
type ID struct{ Service, Environment string }
