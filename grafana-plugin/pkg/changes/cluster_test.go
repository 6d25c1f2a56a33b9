package changes

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// marksFor returns the marks of changes, each for itself, oldest start first.
func marksFor(changes ...Change) []*mark {
	m := &marks{ResolutionMS: 1000}
	for _, c := range changes {
		m.List = append(m.List, mark{
			Kind: c.Kind, Service: c.Service, Environment: c.Environment, Status: c.Status, Start: c.Start, End: c.End, Count: 1,
			Headline: headlineOf(&c), Change: c,
		})
	}
	m.prepare()
	return m.during(span{ago(1000 * 24 * time.Hour), noon.Add(1000 * 24 * time.Hour)}, everything)
}

// drawn describes a marker: its start and end in seconds before noon, its
// colour and its title.
func drawn(m marker) string {
	title, _ := m.hover(linker{}, noon)
	text := fmt.Sprintf("%v", noon.Sub(m.start))
	if m.isRegion() {
		text += fmt.Sprintf(" to %v", noon.Sub(m.end))
	}
	worst := m.worst()
	return text + " " + colourOf(worst.Kind, worst.Status) + " " + title
}

func TestMarkers(t *testing.T) {
	// An hour with room for 32 markers, two minutes each.
	c := canvas{span: span{ago(time.Hour), noon}, markers: 32, now: noon}
	at := func(kind, service, status string, began, lasted time.Duration) Change {
		return lasting(kind, service, "", status, began, began-lasted)
	}
	f := func(name string, changes []Change, want ...string) {
		t.Helper()
		var got []string
		for _, m := range c.cluster(marksFor(changes...)) {
			got = append(got, drawn(m))
		}
		require.Equal(t, want, got, name)
	}
	f("nothing", nil)
	f("one", []Change{at(deploy, "web", succeeded, 30*time.Minute, 0)}, "30m0s "+green+" deploy web")
	f("apart", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 0), at(flagFlip, "", succeeded, 28*time.Minute, 0),
	}, "30m0s "+green+" deploy web", "28m0s "+purple+" flag")
	f("together", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 0), at(deploy, "web", succeeded, 29*time.Minute, 10*time.Second),
		at(flagFlip, "", succeeded, 29*time.Minute, 0),
	}, "30m0s "+green+" 3 changes: 2 deploys of web, 1 flag flip")
	f("one of many failed", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 0), at(deploy, "web", failed, 29*time.Minute, 0), at(deploy, "web", cancelled, 29*time.Minute, 0),
	}, "30m0s "+red+" 3 deploys of web, 1 failed")
	f("all failed", []Change{
		at(deploy, "web", failed, 30*time.Minute, 0), at(deploy, "web", failed, 29*time.Minute, 0),
	}, "30m0s "+red+" 2 deploys of web, all failed")
	f("a region beside a line", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 10*time.Minute), at(flagFlip, "", succeeded, 30*time.Minute, 0),
	}, "30m0s to 20m0s "+green+" deploy web", "30m0s "+purple+" flag")
	f("regions that look the same", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 10*time.Minute), at(deploy, "api", failed, 29*time.Minute, 9*time.Minute),
	}, "30m0s to 20m0s "+red+" 2 changes: 1 deploy of api, 1 deploy of web, 1 failed")
	f("regions that do not", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 10*time.Minute), at(deploy, "api", succeeded, 30*time.Minute, 20*time.Minute),
	}, "30m0s to 20m0s "+green+" deploy web", "30m0s to 10m0s "+green+" deploy api")
	f("too short for a region", []Change{at(deploy, "web", succeeded, 30*time.Minute, 59*time.Second)}, "30m0s "+green+" deploy web")

	goesOn := at(incident, "", running, 10*time.Minute, 0)
	goesOn.End = nil
	f("goes on", []Change{goesOn}, "10m0s to 0s "+red+" incident")
	ahead := at(maintenance, "", planned, -5*time.Minute, 0)
	ahead.End = nil
	f("is yet to come", []Change{ahead}, "-5m0s "+blue+" maintenance")

	f("a line that began before the panel's time", []Change{
		at(deploy, "web", failed, 60*time.Minute+10*time.Second, 30*time.Second), at(deploy, "web", succeeded, 59*time.Minute, 0),
	}, "1h0m0s "+red+" 2 deploys of web, 1 failed")
	f("a region that did", []Change{at(deploy, "web", succeeded, 2*time.Hour, 90*time.Minute)}, "2h0m0s to 30m0s "+green+" deploy web")
	f("an incident among what went well", []Change{
		at(deploy, "web", succeeded, 30*time.Minute, 0), at(incident, "", succeeded, 30*time.Minute, 0),
	}, "30m0s "+red+" 2 changes: 1 deploy of web, 1 incident")
	f("many services", []Change{
		at(deploy, "a", succeeded, 30*time.Minute, 0), at(deploy, "b", succeeded, 30*time.Minute, 0), at(deploy, "c", succeeded, 30*time.Minute, 0),
		at(deploy, "d", succeeded, 30*time.Minute, 0), at("rollout", "e", succeeded, 30*time.Minute, 0), at("rollout", "f", succeeded, 30*time.Minute, 0),
	}, "30m0s "+green+" 6 changes: 4 deploys, 2 rollout changes")
}

// Whatever the changes: none is lost, none of the failed is hidden, and there
// is room for all markers.
func TestMarkersKeepEveryChange(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		length := time.Duration(1 + random.Int64N(int64(40*24*time.Hour)))
		c := newCanvas(span{ago(length), noon}, random.Int64N(3000), noon)
		changes := make([]Change, random.IntN(600))
		for i := range changes {
			began := time.Duration(random.Int64N(int64(length) + int64(length)/4))
			lasted := min(began, time.Duration(random.ExpFloat64()*float64(length)/float64(1+random.IntN(500))))
			changes[i] = lasting([]string{deploy, flagFlip, incident}[random.IntN(3)], "web", "", statuses()[random.IntN(6)], began, began-lasted)
			if random.IntN(50) == 0 {
				changes[i].End = nil
			}
		}
		marks := marksFor(changes...)
		found := c.cluster(marks)
		require.LessOrEqual(t, len(found), c.markers, "seed %d", seed)
		count, failures := 0, 0
		for i, m := range found {
			count += m.count
			failures += m.failures()
			if m.failures() > 0 {
				require.Equal(t, red, colourOf(m.worst().Kind, m.worst().Status), "seed %d", seed)
			}
			require.False(t, m.end.Before(m.start), "seed %d", seed)
			if i > 0 && !m.isRegion() && !found[i-1].isRegion() {
				require.True(t, m.start.After(found[i-1].start), "seed %d", seed)
			}
		}
		require.Equal(t, len(changes), count, "seed %d", seed)
		want := 0
		for _, c := range changes {
			if c.Status == failed {
				want++
			}
		}
		require.Equal(t, want, failures, "seed %d", seed)
	}
}

// No time is too long to be drawn, whoever's clock it is from.
func TestMarkersOfCenturies(t *testing.T) {
	changes := make([]Change, 3*minMarkers)
	for i := range changes {
		changes[i] = lasting(incident, "web", "", running, time.Hour, 0)
		end := noon.AddDate(200, 0, i)
		changes[i].End = &end
	}
	found := newCanvas(span{ago(2 * time.Hour), noon}, 0, noon).cluster(marksFor(changes...))
	require.NotEmpty(t, found)
}

// What is together stays together while the time range moves on.
func TestMarkersDoNotWander(t *testing.T) {
	var changes []Change
	for i := range 200 {
		changes = append(changes, lasting(deploy, "web", "", succeeded, time.Duration(i)*47*time.Second+10*time.Minute, time.Duration(i)*47*time.Second+10*time.Minute))
	}
	describe := func(by time.Duration) string {
		c := canvas{span: span{ago(6 * time.Hour).Add(by), noon.Add(by)}, markers: 40, now: noon.Add(by)}
		var all []string
		for _, m := range c.cluster(marksFor(changes...)) {
			all = append(all, drawn(m))
		}
		return strings.Join(all, "\n")
	}
	for _, by := range []time.Duration{time.Second, 5 * time.Second, time.Minute, 7 * time.Minute} {
		require.Equal(t, describe(0), describe(by))
	}
}

func TestRoundUp(t *testing.T) {
	f := func(d, want time.Duration) {
		t.Helper()
		require.Equal(t, want, roundUp(d))
	}
	f(0, 100*time.Millisecond)
	f(time.Millisecond, 100*time.Millisecond)
	f(time.Second, time.Second)
	f(1001*time.Millisecond, 2*time.Second)
	f(31*time.Second, time.Minute)
	f(12*time.Hour+1, 24*time.Hour)
	f(25*time.Hour, 48*time.Hour)
}
