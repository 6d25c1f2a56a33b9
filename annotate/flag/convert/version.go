package convert

import (
	"fmt"
	"regexp"

	"github.com/blang/semver/v4"
)

// versionPattern is a semantic version whose later numbers may be missing, with
// a v in front or without.
var versionPattern = regexp.MustCompile(`^([vV]?)(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?)?$`)

// fullVersion brings a version to the form that GO Feature Flag's query language
// reads: three numbers and a pre-release. Builds don't count where versions are
// compared. It is false for what is no version.
func fullVersion(s string, mayHaveV bool) (string, bool) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil || m[1] != "" && !mayHaveV {
		return "", false
	}
	for i := range m {
		if m[i] == "" && i > 1 && i < 5 {
			m[i] = "0"
		}
	}
	full := m[2] + "." + m[3] + "." + m[4] + m[5]
	if _, err := semver.Make(full); err != nil {
		return "", false
	}
	return full, true
}

// versionRange is from which version on, and up to, and without, which another
// has the same first number, or the same first two. The lowest of all versions
// is the first pre-release.
func versionRange(full string, major bool) (from, to string) {
	v, err := semver.Make(full)
	if err != nil {
		return full, full
	}
	if major {
		return fmt.Sprintf("%d.0.0-0", v.Major), fmt.Sprintf("%d.0.0-0", v.Major+1)
	}
	return fmt.Sprintf("%d.%d.0-0", v.Major, v.Minor), fmt.Sprintf("%d.%d.0-0", v.Major, v.Minor+1)
}
