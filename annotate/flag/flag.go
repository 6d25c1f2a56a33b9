package flag

import (
	"github.com/thomaspoignant/go-feature-flag/modules/core/dto"

	"github.com/tidemark/tidemark/annotate"
)

// Definition is a flag as GO Feature Flag's format has it: variations, targeting,
// percentages, progressive and scheduled rollouts, experimentation, metadata.
// https://gofeatureflag.org/docs/configure_flag/create-flags
type Definition = dto.DTO

// Flag is one flag in one environment. Each environment has a flag's definition
// for itself, so that what is tried in one touches no other.
type Flag struct {
	Key         string `json:"key" doc:"What the code asks for"`
	Environment string `json:"environment" doc:"Where it has this state"`

	Definition Definition `json:"definition" doc:"In the format of GO Feature Flag"`
	// Allocation says which buckets of the default rule belong to which
	// variation, where percentages were changed by the controls and the
	// library's own order would move people. Empty: the library's order holds.
	Allocation Allocation `json:"allocation,omitempty" doc:"Who is in which variation of the default rule, where the percentages alone do not say"`
	// Ramp is under way; nil for none.
	Ramp *Ramp `json:"ramp,omitempty" doc:"The ramp that is under way"`
	// Schedule is what is to be done, earliest first.
	Schedule []Scheduled `json:"schedule,omitempty" doc:"What is to be done, earliest first"`
	// Origin is the file that defines the flag; nil for one that was defined
	// through the API. One of a file is read-only here.
	Origin *Origin `json:"origin,omitempty" doc:"The file that defines it, which alone can change it"`

	// Revision counts from 1; Updated, By and Change tell of the newest.
	Revision int64         `json:"revision" doc:"Counts from 1; each change adds one"`
	Updated  annotate.Time `json:"updated" doc:"When it last changed"`
	By       string        `json:"by" doc:"Who changed it last"`
	Change   string        `json:"change,omitempty" doc:"The id of the change that tells of it"`
}

// Origin is where a definition was read.
type Origin struct {
	Path string `json:"path" doc:"The file"`
	// Commit is that of the Git checkout that holds the file; empty for none.
	Commit string `json:"commit,omitempty" doc:"The commit that the file is of"`
}

// Portable reports whether GO Feature Flag itself gives everyone the same
// variation from the definition alone: without the allocation, which its format cannot say.
func (f Flag) Portable() bool {
	if len(f.Allocation) == 0 || f.Definition.DefaultRule == nil {
		return true
	}
	percentages := f.Definition.DefaultRule.GetPercentages()
	return len(percentages) == 0 || f.Allocation.SameBuckets(AllocationOf(percentages))
}
