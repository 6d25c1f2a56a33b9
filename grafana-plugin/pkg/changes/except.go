package changes

import "time"

// place is where the server puts a change that is one of several of a mark.
type place struct {
	group
	step int64 // of the resolution
}

func (m *marks) place(mk *mark) place {
	return place{mk.key(), mk.Start.UnixMilli() / max(1, m.ResolutionMS)}
}

// alone reports whether mk is a mark of its own because it lasts.
func (m *marks) alone(mk *mark) bool {
	return mk.End == nil || mk.End.Sub(mk.Start) > time.Duration(m.ResolutionMS)*time.Millisecond
}

// without returns picked, marks of m, without the changes that drawn stands
// for: one by one where a mark is one change, and by their number where it is
// several.
func (m *marks) without(picked []*mark, drawn *marks) []*mark {
	ids, counts := make(map[string]bool), make(map[place]int)
	for i := range drawn.List {
		mk := &drawn.List[i]
		ids[mk.Change.ID] = true
		if !drawn.alone(mk) && drawn.ResolutionMS == m.ResolutionMS {
			counts[drawn.place(mk)] += mk.Count
		}
	}
	kept := picked[:0:0]
	for _, mk := range picked {
		if mk.Count == 1 {
			if !ids[mk.Change.ID] {
				kept = append(kept, mk)
			}
			continue
		}
		rest := mk.Count - counts[m.place(mk)]
		switch {
		case rest == mk.Count:
			kept = append(kept, mk)
		case rest > 0:
			fewer := *mk // marks are shared
			fewer.Count = rest
			kept = append(kept, &fewer)
		}
	}
	return kept
}
