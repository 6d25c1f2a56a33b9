package convert

// parents is the condition that all features hold that this one depends on.
func (r *featureReader) parents() (cond, error) {
	all := cond(truth(true))
	for _, d := range r.feature.dependencies {
		name := d.field("feature").required("it is the name of the parent feature").text()
		parent, ok := r.file.features[name]
		if !ok {
			return nil, leftOut(d.path, "it depends on %q, which is not in the file", name)
		}
		if len(d.field("variants").items()) > 0 {
			return nil, leftOut(d.path, "it depends on a variant of %q", name)
		}
		is, err := r.enabled(parent, d)
		if err != nil {
			return nil, err
		}
		if enabled := d.field("enabled"); !enabled.missing() && !enabled.truth() {
			is = not(is)
		}
		r.s.lost(d.path, "GO Feature Flag has no dependencies: what %q is now is copied into the rules, and does not follow when it changes", name)
		if err := r.room.spend(is, d.path); err != nil {
			return nil, err
		}
		all = both(all, is)
	}
	return all, nil
}

// enabled is the condition that a parent holds.
func (r *featureReader) enabled(parent *feature, d value) (cond, error) {
	state := parent.in(r.environment)
	// Unleash has dependencies of one level alone.
	if parent == r.feature || len(parent.dependencies) > 0 || !state.enabled.truth() {
		return truth(false), nil
	}
	// What is said of the parent is said where it is converted itself.
	p := &featureReader{s: scribe{&conversion{}, parent.key}, file: r.file, feature: parent, state: state, environment: r.environment, room: r.room}
	strategies, off, err := p.strategies()
	if err != nil {
		return nil, leftOut(d.path, "it depends on %q, of which %v", parent.key, err)
	}
	if off {
		return truth(false), nil
	}
	is := cond(truth(false))
	for _, s := range strategies {
		if s.rollout < 100 && s.when != truth(false) {
			return nil, leftOut(d.path, "it depends on %q, which is enabled for a share of the people: GO Feature Flag deals out for each flag anew", parent.key)
		}
		is = either(is, s.when)
	}
	return is, nil
}
