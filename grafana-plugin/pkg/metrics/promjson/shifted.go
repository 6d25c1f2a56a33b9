package promjson

import (
	"math"
	"math/bits"
)

// powers are the powers of ten that a uint64 holds.
var powers = [maxDigits + 1]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// The form of a float64 (IEEE 754 binary64).
const (
	mantissaBits = 53 // with the leading one, which is not stored
	exponentBias = 1023
)

// shifted returns the float64 nearest to digits with so many decimals, up to
// maxDigits of them; of two as near, the even one.
func shifted(digits uint64, decimals int) float64 {
	if digits < 1<<mantissaBits && decimals <= 15 {
		// Both are exact, and so the quotient is rounded once.
		return float64(digits) / float64(powers[decimals])
	}
	if digits == 0 {
		return 0
	}
	// The highest bits of dividend and divisor are set, so that the quotient
	// has 63 or 64 bits, ten more than are needed to round.
	up, down := bits.LeadingZeros64(digits), bits.LeadingZeros64(powers[decimals])
	dividend, divisor := digits<<up, powers[decimals]<<down
	quotient, rest := bits.Div64(dividend>>1, dividend<<63, divisor)

	surplus := bits.Len64(quotient) - mantissaBits
	mantissa := quotient >> surplus
	below, half := quotient&(1<<surplus-1), uint64(1)<<(surplus-1)
	if below > half || below == half && (rest != 0 || mantissa&1 == 1) {
		mantissa++
	}
	exponent := surplus - 63 + down - up
	if mantissa == 1<<mantissaBits {
		mantissa >>= 1
		exponent++
	}
	biased := uint64(exponent + mantissaBits - 1 + exponentBias)
	return math.Float64frombits(biased<<(mantissaBits-1) | mantissa&(1<<(mantissaBits-1)-1))
}
