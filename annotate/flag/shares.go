package flag

import (
	"math"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate"
)

// Shares are the percentages, from 0 to 100, of those whom no targeting rule
// catches that get each variation. They add up to 100; a flag that is disabled
// gives CodeDefault to all.
type Shares map[string]float64

// CodeDefault stands for a variation where the flag answers none, and the code
// uses the value that it brings: GO Feature Flag's name for it.
const CodeDefault = flag.VariationSDKDefault

// Shares returns the shares that the flag gives at a time. Variations with none are left out.
func (f Flag) Shares(at time.Time) Shares {
	resolved, _, err := resolve(f.Definition, nil, at)
	if err != nil || resolved.IsDisable() || !underWay(resolved.Experimentation, at) {
		return Shares{CodeDefault: 100}
	}
	return ruleShares(resolved.DefaultRule, at)
}

// ruleShares returns the shares of a default rule, whether or not the flag is on.
func ruleShares(rule *flag.Rule, at time.Time) Shares {
	switch {
	case rule == nil:
		return Shares{CodeDefault: 100}
	case rule.ProgressiveRollout != nil:
		p := newProgressive(rule.ProgressiveRollout)
		if p == nil {
			return Shares{CodeDefault: 100}
		}
		shares := Shares{}
		cut := float64(p.cut(at)) / flag.PercentageMultiplier
		shares.add(*rule.ProgressiveRollout.End.Variation, cut)
		shares.add(*rule.ProgressiveRollout.Initial.Variation, 100-cut)
		return shares
	case len(rule.GetPercentages()) > 0:
		sum := 0.0
		for _, share := range rule.GetPercentages() {
			sum += share
		}
		shares := Shares{}
		for name, share := range rule.GetPercentages() {
			shares.add(name, share/sum*100)
		}
		return shares
	case rule.VariationResult != nil:
		return Shares{*rule.VariationResult: 100}
	default:
		return Shares{CodeDefault: 100}
	}
}

func (s Shares) add(variation string, share float64) {
	if share = thousandth(s[variation] + share); share > 0 {
		s[variation] = share
	}
}

// thousandth rounds a percentage to the size of one bucket.
func thousandth(percentage float64) float64 { return math.Round(percentage*1000) / 1000 }

// LogValue returns the shares as the change log tells of them: the name of the
// variation that has all, or else a map[string]float64 of percentages.
func (s Shares) LogValue() any {
	if len(s) == 1 {
		for variation := range s {
			return variation
		}
	}
	value := make(map[string]float64, len(s))
	for variation, share := range s {
		value[variation] = share
	}
	return value
}

// LogChange returns what the change log says of a flag that went from one
// distribution to another.
func LogChange(key string, from, to Shares) *annotate.FlagChange {
	return &annotate.FlagChange{Key: key, From: from.LogValue(), To: to.LogValue()}
}
