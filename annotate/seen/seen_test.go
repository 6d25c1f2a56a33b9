package seen

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

var zero = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return zero.Add(time.Duration(n) * time.Minute) }

// fleet is what runs in a place: each target's version, and when it began.
type fleet struct {
	t       *testing.T
	targets map[string]Target
	state   State
	told    []string
}

func newFleet(t *testing.T) *fleet { return &fleet{t: t, targets: map[string]Target{}} }

// run has targets run a version from a minute on: as processes that began then.
func (f *fleet) run(at int, version string, instances ...string) {
	for _, i := range instances {
		f.targets[i] = Target{Instance: i, Version: version, Since: minute(at), Started: minute(at).Add(-time.Second)}
	}
}

func (f *fleet) gone(instances ...string) {
	for _, i := range instances {
		delete(f.targets, i)
	}
}

// look has the place looked at, and notes what was told: what it knows goes through JSON,
// as through a restart.
func (f *fleet) look(at int) {
	f.t.Helper()
	var targets []Target
	for _, target := range f.targets {
		targets = append(targets, target)
	}
	state, reports := f.state.Next(Place{"web", "production"}, targets, minute(at))
	body, err := json.Marshal(state)
	require.NoError(f.t, err)
	f.state = State{}
	require.NoError(f.t, json.Unmarshal(body, &f.state))
	for _, r := range reports {
		require.Equal(f.t, []string{"web", "production", annotate.SourceSeen}, []string{r.Service, r.Environment, r.Source})
		end := ""
		if !r.End.IsZero() {
			end = fmt.Sprint("-", r.End.Sub(zero).Minutes())
		}
		version := r.Version
		if r.PreviousVersion != "" {
			version = r.PreviousVersion + ">" + version
		}
		f.told = append(f.told, fmt.Sprintf("%d: %s %s %s %v%s: %s", at, r.Kind, version, r.Status, r.Start.Sub(zero).Minutes(), end, r.Evidence[0].Text))
		require.NoError(f.t, r.New(minute(at)).Validate(minute(at)))
	}
}

func (f *fleet) requireTold(want ...string) {
	f.t.Helper()
	require.Equal(f.t, strings.Join(want, "\n"), strings.Join(f.told, "\n"))
	f.told = nil
}

func TestARolloutIsADeploy(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c", "d")
	f.look(1)
	f.look(2)
	f.requireTold() // what ran when it was first looked was not deployed then

	f.run(10, "v2", "a")
	f.look(11)
	f.requireTold("11: deploy v1>v2 running 10: 1 of 4 targets run it")
	f.look(12)
	f.requireTold()
	f.run(13, "v2", "b", "c")
	f.look(13)
	f.requireTold("13: deploy v1>v2 running 10: 3 of 4 targets run it")
	f.run(15, "v2", "d")
	f.look(16)
	f.requireTold("16: deploy v1>v2 succeeded 10-15: all 4 targets run it")
	f.look(30)
	f.requireTold()

	// All at once.
	f.run(40, "v3", "a", "b", "c", "d")
	f.look(41)
	f.requireTold("41: deploy v2>v3 succeeded 40-40: all 4 targets run it")

	// And back.
	f.run(50, "v2", "a", "b", "c", "d")
	f.look(51)
	f.requireTold("51: deploy v3>v2 succeeded 50-50: all 4 targets run it")
}

// As Kubernetes does it: new targets come, and the old ones go.
func TestARolloutByReplacement(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a1", "b1")
	f.look(1)
	f.run(10, "v2", "a2")
	f.look(10)
	f.gone("a1")
	f.run(12, "v2", "b2")
	f.look(13)
	f.requireTold("10: deploy v1>v2 running 10: 1 of 3 targets run it", "13: deploy v1>v2 running 10: 2 of 3 targets run it")
	f.gone("b1")
	f.look(20)
	f.requireTold("20: deploy v1>v2 succeeded 10-18: all 2 targets run it")

	// More of the same is no deploy.
	f.run(30, "v2", "c2", "d2")
	f.look(31)
	f.requireTold()
}

func TestARolloutThatIsTakenBack(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c", "d")
	f.look(1)
	f.run(10, "v2", "a", "b")
	f.look(10)
	f.run(14, "v1", "a", "b")
	f.look(15)
	f.requireTold("10: deploy v1>v2 running 10: 2 of 4 targets run it", "15: deploy v1>v2 cancelled 10-15: 2 of 4 targets ran it, and none does any more")
	f.look(16)
	f.requireTold()
}

func TestARolloutThatAnotherOvertakes(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c", "d")
	f.look(1)
	f.run(10, "v2", "a", "b")
	f.look(10)
	f.run(20, "v3", "a")
	f.look(20)
	f.requireTold(
		"10: deploy v1>v2 running 10: 2 of 4 targets run it",
		"20: deploy v1>v2 cancelled 10-20: v3 came when 2 of 4 targets ran it",
		"20: deploy v1>v3 running 20: 1 of 4 targets run it",
	)
	f.run(22, "v3", "b", "c", "d")
	f.look(22)
	f.requireTold("22: deploy v1>v3 succeeded 20-22: all 4 targets run it")
}

func TestARolloutThatStops(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c", "d")
	f.look(1)
	f.run(10, "v2", "a")
	f.look(10)
	f.look(10 + 24*60)
	f.look(11 + 24*60)
	f.requireTold("10: deploy v1>v2 running 10: 1 of 4 targets run it", "1450: deploy v1>v2 lost 10-10: 1 of 4 targets run it, and no more came to it")
	f.run(2000, "v2", "b", "c", "d")
	f.look(2000)
	f.requireTold("2000: deploy v1>v2 succeeded 10-2000: all 4 targets run it")
}

// A place that is never all of one version, such as the exporters of a fleet of hosts.
func TestAPlaceOfSeveralVersions(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c")
	f.run(0, "v2", "d")
	f.look(1)
	f.run(10, "v3", "a")
	f.look(11)
	f.look(20)
	f.run(21, "v3", "b")
	f.look(22)
	f.look(36)
	f.requireTold(
		"11: deploy v1>v3 running 10: 1 of 4 targets run it",
		"22: deploy v1>v3 running 10: 2 of 4 targets run it",
		"36: deploy v1>v3 succeeded 10-21: 2 of 4 targets run it, and no more came to it",
	)
	f.run(40, "v2", "a") // which was there
	f.look(41)
	f.requireTold()
}

func TestARestart(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b")
	f.look(1)
	f.run(10, "v1", "a")
	f.look(10)
	f.requireTold() // one of two fell over
	f.run(12, "v1", "b")
	f.look(12)
	f.requireTold("12: restart v1 succeeded 9.983333333333333-11.983333333333333: all 2 processes began anew")
	f.run(30, "v1", "a")
	f.look(30)
	f.run(30+24*60, "v1", "b")
	f.look(30 + 24*60)
	f.requireTold() // a day apart
	f.run(2000, "v2", "a", "b")
	f.look(2000)
	f.requireTold("2000: deploy v1>v2 succeeded 2000-2000: all 2 targets run it")
	f.look(2001)
	f.requireTold()

	one := newFleet(t)
	one.run(0, "", "a")
	one.look(0)
	one.run(5, "", "a")
	one.look(6)
	one.requireTold("6: restart  succeeded 4.983333333333333-4.983333333333333: its one process began anew")
}

func TestTargetsThatAreGoneForAMomentAreNoDeploy(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b")
	f.look(1)
	f.gone("a", "b")
	f.look(5)
	f.run(9, "v1", "a", "b")
	f.look(10)
	f.requireTold("10: restart v1 succeeded 8.983333333333333-8.983333333333333: all 2 processes began anew")
}

// What it knows is the same whenever it is asked: two looks at the same do nothing.
func TestAlikeLooksSayNothing(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c")
	f.look(1)
	f.run(10, "v2", "a")
	f.look(11)
	f.told = nil
	for range 5 {
		before := f.state
		f.look(11)
		require.Equal(t, before, f.state)
	}
	f.requireTold()
}

// A version that falls over again and again is one rollout, of which not all is told.
func TestACrashLoopIsOneRollout(t *testing.T) {
	f := newFleet(t)
	f.run(0, "v1", "a", "b")
	f.look(1)
	for at := 10; at < 10+200*4; at += 4 {
		f.run(at, "v2", "c")
		f.look(at)
		f.gone("c")
		f.look(at + 2)
	}
	require.Len(t, f.told, 2*maxEnds)
	f.told = nil
	f.run(840, "v2", "a", "b")
	f.look(840)
	f.requireTold("840: deploy v1>v2 succeeded 10-840: all 2 targets run it")
}

func TestWhatComesBackIsNoDeploy(t *testing.T) {
	// Of a rollout that another overtook.
	f := newFleet(t)
	f.run(0, "v1", "a", "b", "c", "d")
	f.look(1)
	f.run(10, "v2", "b")
	f.look(10)
	f.run(20, "v3", "c")
	f.look(20)
	f.told = nil
	f.gone("b")
	f.look(25)
	f.run(28, "v2", "b")
	f.look(28)
	f.requireTold()

	// Of the one host that runs it.
	fleet := newFleet(t)
	fleet.run(0, "v1", "a", "b")
	fleet.run(0, "v2", "c")
	fleet.look(1)
	fleet.gone("c")
	fleet.look(5)
	fleet.run(9, "v2", "c")
	fleet.look(10)
	fleet.requireTold()
	fleet.gone("c")
	fleet.look(20)
	fleet.look(20 + 7*60)
	fleet.run(500, "v2", "c")
	fleet.look(500)
	fleet.requireTold("500: deploy v1>v2 running 500: 1 of 3 targets run it") // after hours it is new
}

func TestTargetsThatSayNoVersion(t *testing.T) {
	f := newFleet(t)
	f.run(0, "", "a", "b")
	f.look(1)
	f.run(0, "v1", "a") // the same process, which says it now
	f.look(2)
	f.requireTold()
	f.run(10, "v2", "a")
	f.look(11)
	f.requireTold("11: deploy v1>v2 succeeded 10-10: its one target runs it")
}

// What is no one service, but a job of many apps, is left alone.
func TestAPlaceOfTooManyVersions(t *testing.T) {
	f := newFleet(t)
	for i := range maxVersions + 1 {
		f.run(0, fmt.Sprint("v", i), fmt.Sprint(i))
	}
	f.look(1)
	f.look(2)
	f.run(5, "w", "0")
	f.look(6)
	f.requireTold()
	many := newFleet(t)
	for i := range 60 {
		many.run(0, fmt.Sprint("v", i), fmt.Sprint(i))
	}
	many.look(1)
	many.look(2)
	many.requireTold()
}

func TestLongNamesMakeIDsThatTheLogKeeps(t *testing.T) {
	long := strings.Repeat("x", annotate.MaxName)
	id := identity(Place{long, long}, long, zero)
	require.LessOrEqual(t, len(id), annotate.MaxName)
	require.NotEqual(t, id, identity(Place{long, long}, long, zero.Add(time.Second)))
}
