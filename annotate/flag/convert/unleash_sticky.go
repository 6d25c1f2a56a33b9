package convert

// stickiness is what a strategy or its variants deal people out by.
type stickiness struct{ path, to string }

const whileOff = "Unleash enables for nobody as long as the flag is off"

// stick notes it.
func (r *featureReader) stick(path, to string) {
	if to == "" {
		to = "default"
	}
	r.stickiness = append(r.stickiness, stickiness{path, to})
}

// bucketing says what the flag's shares are dealt out by: GO Feature Flag has one
// attribute for all rules of a flag.
func (r *featureReader) bucketing(p plan) string {
	dealt := false
	for _, b := range p.branches {
		dealt = dealt || b.then.dealt()
	}
	if !dealt || len(r.stickiness) == 0 {
		return ""
	}
	first := r.stickiness[0]
	by := first.to
	for _, s := range r.stickiness {
		switch {
		case s.to == "random":
			r.s.lost(s.path, "Unleash rolls the dice at each evaluation; here somebody's variation stays, by the targeting key")
		case attributeOf(s.to) != attributeOf(by):
			r.s.lost(s.path, "GO Feature Flag deals out by one attribute for all rules of a flag: here it is the targeting key, so that those whom %q keeps together may get different answers", s.to)
			by = "default"
		}
	}
	by = attributeOf(by)
	if by == "" {
		r.s.differs(first.path, unleashBuckets, "the targeting key")
		instead := "Unleash deals by the session then, or by chance"
		if p.off {
			instead = whileOff
		}
		r.s.lost(first.path, "who has no targeting key gets an error and the code's default, from all rules of the flag; %s", instead)
		return ""
	}
	r.s.differs(first.path, unleashBuckets, by)
	instead := "Unleash enables for nobody without it, or by chance where it deals out variants"
	if p.off {
		instead = whileOff
	}
	r.s.lost(first.path, "who has no text as %s gets an error and the code's default, from all rules of the flag; %s", by, instead)
	return by
}

// attributeOf is the attribute that a stickiness means here; empty for the targeting key.
func attributeOf(stickiness string) string {
	switch stickiness {
	case "default", "random", "userId":
		return ""
	}
	return stickiness
}
