package server

import "github.com/tidemark/tidemark/annotate"

// ShownChange is a change as readers get it. Its name is that of its schema.
type ShownChange struct {
	annotate.Change
	Headline string `json:"headline" doc:"What changed, in one line: the title, or else the kind and what it touched"`
}

func show(c annotate.Change) ShownChange { return ShownChange{Change: c, Headline: c.Headline()} }

func showAll(changes []annotate.Change) []ShownChange {
	shown := make([]ShownChange, len(changes))
	for i, c := range changes {
		shown[i] = show(c)
	}
	return shown
}
