package convert_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/flag/convert"
)

// murmur3 is the 32-bit hash of that name, version 3 for x86, with a seed of 0.
// https://github.com/aappleby/smhasher
func murmur3(s string) uint32 {
	data, h := []byte(s), uint32(0)
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593 }
	for ; len(data) >= 4; data = data[4:] {
		h = bits.RotateLeft32(h^mix(binary.LittleEndian.Uint32(data)), 13)*5 + 0xe6546b64
	}
	tail := uint32(0)
	for i, b := range data {
		tail |= uint32(b) << (8 * i)
	}
	h ^= mix(tail) ^ uint32(len(s))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

func TestMurmur3IsTheOneThatIsPublished(t *testing.T) {
	require.Equal(t, uint32(0), murmur3(""))
	require.Equal(t, uint32(0x248bfa47), murmur3("hello"))
	require.Equal(t, uint32(0x2e4ff723), murmur3("The quick brown fox jumps over the lazy dog"))
}

// The remark says that shares stay and people don't: about as many have each
// variant as in flagd, and about as many changed as chance would have it.
func TestFlagdFractionalKeepsSharesAndDealsAnew(t *testing.T) {
	weights := []struct {
		variant string
		weight  uint64
	}{{"on", 50}, {"off", 30}, {"third", 20}}
	r := from(t, convert.Flagd, flagdFlag(`{"fractional":[["on",50],["off",30],["third",20]]}`))
	require.Contains(t, texts(r, "f"), "the shares stay, and people are dealt out anew")

	const people = 10_000
	flagd, here, moved := map[string]int{}, map[string]int{}, 0
	for i := range people {
		key := fmt.Sprint("person-", i)
		bucket, end, want := uint64(murmur3("f"+key))*100>>32, uint64(0), ""
		for _, w := range weights {
			if end += w.weight; bucket < end && want == "" {
				want = w.variant
			}
		}
		got := answer("f", r.Flags["f"], who(key))
		flagd[want]++
		here[got]++
		if got != want {
			moved++
		}
	}
	for _, w := range weights {
		require.InDelta(t, people*int(w.weight)/100, flagd[w.variant], people/50)
		require.InDelta(t, people*int(w.weight)/100, here[w.variant], people/50)
	}
	// Of those who are dealt out twice, 0.5² + 0.3² + 0.2² have the same again.
	require.InDelta(t, people*62/100, moved, people/20)
}
