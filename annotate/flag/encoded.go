package flag

// DigestBytes is how long a Digest is.
const DigestBytes = 16

// Encoded is a result as it goes to whoever asked. It is shared: nobody may
// alter it.
type Encoded struct {
	Text []byte
	// Digest tells Text from any other.
	Digest [DigestBytes]byte
}

// Encoded returns the result as encode writes it. The answers that a flag can
// give are few and made beforehand, so that encode is called once for each, and
// must be the same function every time.
func (r *Result) Encoded(encode func(*Result) *Encoded) *Encoded {
	if r.Err != nil && r.Err.Code == CodeFlagNotFound {
		return encode(r) // one outcome for all the keys that callers make up
	}
	if known := r.outcome.encoded.Load(); known != nil {
		return known
	}
	made := encode(r)
	r.outcome.encoded.Store(made)
	return made
}

// AppendAll appends what EvaluateAll returns to results, so that whoever asks
// often needs no new memory each time.
func (s *Set) AppendAll(results []Result, ctx *Context) []Result {
	if ctx == nil {
		ctx = NewContext("", nil)
	}
	keys, now := s.keys, s.now()
	if len(ctx.only) > 0 {
		keys = ctx.only
	}
	for _, key := range keys {
		results = append(results, s.evaluate(key, ctx, now))
	}
	return results
}
