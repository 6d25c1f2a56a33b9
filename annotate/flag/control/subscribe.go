package control

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
)

// Version tells one state of an environment's flags from another.
type Version struct {
	// ETag differs from that of each other state, also of those that a
	// definition brings about by itself.
	ETag string
	// Modified is when the newest of the flags changed.
	Modified time.Time
}

// fingerprint is what the revisions of all flags come to, whatever their order.
type fingerprint [16]byte

// toggle puts a flag's revision in, or takes it out where it is in.
func (p *fingerprint) toggle(f flag.Flag) {
	h := fnv.New128a()
	_, _ = h.Write([]byte(f.Key))
	_, _ = h.Write(strconv.AppendInt([]byte{0}, f.Revision, 10))
	for i, b := range h.Sum(nil) {
		p[i] ^= b
	}
}

func (p fingerprint) version(modified time.Time) Version {
	return Version{
		ETag:     fmt.Sprintf("%s-%x", hex.EncodeToString(p[:]), max(0, modified.UnixMilli())),
		Modified: modified,
	}
}

// Subscription hears of each change of an environment's flags.
type Subscription struct {
	// C gives the newest state after each change; one that was not taken yet is
	// replaced. It is closed when the environment or the Control is no more.
	C <-chan Version

	c    chan Version
	from *subscribers
}

// Close ends the subscription. C gives nothing any more, and is not closed.
func (s *Subscription) Close() {
	s.from.mu.Lock()
	defer s.from.mu.Unlock()
	delete(s.from.all, s)
}

// subscribers are those who hear of one environment.
type subscribers struct {
	mu     sync.Mutex
	all    map[*Subscription]struct{}
	closed bool
}

func (s *subscribers) add() *Subscription {
	c := make(chan Version, 1)
	sub := &Subscription{C: c, c: c, from: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(c)
		return sub
	}
	if s.all == nil {
		s.all = map[*Subscription]struct{}{}
	}
	s.all[sub] = struct{}{}
	return sub
}

// tell gives v to all. It waits for nobody: only tell sends, so that there is
// room once the older state is out.
func (s *subscribers) tell(v Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.all {
		select {
		case <-sub.c:
		default:
		}
		sub.c <- v
	}
}

// open takes subscriptions again after a close.
func (s *subscribers) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = false
}

// close ends all subscriptions, also those to come.
func (s *subscribers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for sub := range s.all {
		close(sub.c)
	}
	s.all = nil
}
