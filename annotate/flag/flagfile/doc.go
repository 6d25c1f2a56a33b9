// Package flagfile gets flags in from files: it reads and watches them, takes
// each whole or refuses it, and hands what they define to the controls. It never
// writes a file, and never decides what a definition may be.
package flagfile
