package flag

// Reported counts evaluations that were made elsewhere, by a provider that
// evaluates in process, with the reason unknown, which nobody reports. An empty
// variation is one where the code's default counted. It returns false, and counts
// nothing, for a flag or a variation that there is not: the names come from outside.
func (s *Set) Reported(key, variation string, times int) bool {
	c, ok := s.flags[key]
	if !ok {
		return false
	}
	if variation != "" {
		known := c.flag.Definition.Variations
		if known == nil {
			return false
		}
		if _, ok := (*known)[variation]; !ok {
			return false
		}
	}
	c.tally.add(&outcome{variant: variation, reason: ReasonUnknown}, s.now().Unix(), times)
	return true
}

// add counts evaluations that had the outcome o.
func (f *flagTally) add(o *outcome, second int64, times int) {
	if f == nil || times <= 0 {
		return
	}
	if f.last.Load() < second {
		f.last.Store(second)
	}
	f.counter(o).Add(times)
}
