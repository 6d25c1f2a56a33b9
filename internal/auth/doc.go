// Package auth decides who a caller is and what they may do: by token, by a
// user of Prometheus' web configuration file, or by where they call from.
//
// It never keeps a secret: of a token, only a hash is stored.
package auth
