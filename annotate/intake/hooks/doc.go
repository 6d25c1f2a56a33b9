// Package hooks takes what other tools send to the webhooks that are set up: it verifies
// each delivery, records what it tells of, and keeps what was not understood until
// somebody has it read again.
package hooks
