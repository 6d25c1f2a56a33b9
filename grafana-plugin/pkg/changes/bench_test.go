package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// manyMarks returns an answer with as many marks as there can be, of 40
// services over 30 days.
func manyMarks() marks {
	m := marks{ResolutionMS: 60000, Total: 10000}
	for i := range maxMarks {
		began := 30*24*time.Hour - time.Duration(i)*30*24*time.Hour/maxMarks
		c := lasting([]string{deploy, flagFlip, configPush}[i%3], fmt.Sprintf("service-%d", i%40), []string{"production", "staging"}[i%2],
			[]string{succeeded, succeeded, succeeded, failed}[i%4], began, began-4*time.Minute)
		c.ID = fmt.Sprintf("018f2d3c-%04d-7abc-8def-0123456789ab", i)
		c.Version, c.PreviousVersion, c.Who.Name = fmt.Sprintf("v%d", i), fmt.Sprintf("v%d", i-1), "ann"
		c.Links = []Link{{Rel: "diff", Href: "https://git.example/compare"}}
		m.List = append(m.List, mark{
			Kind: c.Kind, Service: c.Service, Environment: c.Environment, Status: c.Status, Start: c.Start, End: c.End, Count: 1 + i%9, Change: c,
		})
	}
	return m
}

var month = span{ago(30 * 24 * time.Hour), noon}

// encoded is a Server that answers with bytes, as over HTTP.
type encoded struct {
	Server
	answer []byte
}

func (e encoded) Get(_ context.Context, _ string, _ url.Values, out any) error {
	return json.Unmarshal(e.answer, out)
}

// A refresh of a dashboard with 20 panels, each about two services, with one
// answer of 2,000 marks fetched and decoded for all of them.
func BenchmarkOverlayOf20Panels(b *testing.B) {
	answer, err := json.Marshal(manyMarks())
	if err != nil {
		b.Fatal(err)
	}
	l := newLog(encoded{answer: answer})
	var queries []backend.DataQuery
	for i := range 20 {
		queries = append(queries, backend.DataQuery{
			RefID: "__changes", MaxDataPoints: 1000, TimeRange: backend.TimeRange{From: month.from, To: month.to},
			JSON: fmt.Appendf(nil, `{"queryType":"overlay","exprs":["sum(rate(http_requests_total{service=~\"service-%d|service-%d\"}[$__rate_interval]))"]}`, i, i+20),
		})
	}
	for _, fetched := range []bool{false, true} {
		b.Run(fmt.Sprintf("fetched=%v", fetched), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !fetched {
					l.cache.drop()
				}
				for _, q := range queries {
					if response := l.Query(context.Background(), q); response.Error != nil || response.Frames[0].Rows() == 0 {
						b.Fatal(response.Error)
					}
				}
			}
		})
	}
}

// All 2,000 marks drawn on one panel.
func BenchmarkDraw2000Marks(b *testing.B) {
	m := manyMarks()
	m.prepare()
	picked := m.during(month, everything)
	l := newLog(nil)
	q := query{span: month, width: 1000}
	b.Run("cluster", func(b *testing.B) {
		c := newCanvas(month, 1000, noon)
		b.ReportAllocs()
		for b.Loop() {
			c.cluster(picked)
		}
	})
	b.Run("frame", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.draw(q, 0, picked)
		}
	})
}
