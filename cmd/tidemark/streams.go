package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/tidemark/tidemark/internal/client/table"
)

// streams are the process' own: files, so that what runs below it gets them
// untouched.
type streams struct{ In, Out, Err *os.File }

// warn writes one line about what went wrong on the way, for a person to know.
// It may hold what a server said.
func (s streams) warn(message string) {
	fmt.Fprintln(s.Err, "tidemark: "+table.Clean(message))
}

// noWidth is the width of a table that is not for a terminal.
const noWidth = 1 << 20

// width returns how many cells a line of the output has.
func (s streams) width() int {
	if width, _, err := term.GetSize(int(s.Out.Fd())); err == nil && width > 0 {
		return width
	}
	return noWidth
}

// isTerminal reports whether a person reads the output.
func (s streams) isTerminal() bool { return term.IsTerminal(int(s.Out.Fd())) }

// outputFlag chooses between a table and JSON.
type outputFlag struct {
	Output string `enum:"auto,table,json" default:"auto" help:"How to write it: table, json, or auto: a table on a terminal and JSON elsewhere."`
}

// table reports whether to write a table.
func (f outputFlag) table(io streams) bool {
	return f.Output == "table" || f.Output == "auto" && io.isTerminal()
}
