// Package publish tells subscribers of changes, each by HTTP and at its own pace: none
// keeps the log or another waiting.
package publish
