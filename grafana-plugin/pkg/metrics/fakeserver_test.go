package metrics

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

// asked is one request.
type asked struct {
	endpoint string
	form     url.Values
	accept   string
}

// fakeServer answers each endpoint with one text, and remembers what it was
// asked.
type fakeServer struct {
	answers     map[string]string
	contentType string // of all answers
	err         map[string]error

	mu    sync.Mutex
	asked []asked
}

func (f *fakeServer) PostForm(_ context.Context, endpoint string, form url.Values, accept string) (io.ReadCloser, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, asked{endpoint, form, accept})
	if err := f.err[endpoint]; err != nil {
		return nil, "", err
	}
	text, ok := f.answers[endpoint]
	if !ok {
		return nil, "", backend.DownstreamErrorf("nothing answers %s", endpoint)
	}
	return io.NopCloser(strings.NewReader(text)), f.contentType, nil
}

// of returns the form that endpoint was asked with.
func (f *fakeServer) of(t *testing.T, endpoint string) url.Values {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if a.endpoint == endpoint {
			return a.form
		}
	}
	require.Fail(t, "nobody asked "+endpoint)
	return nil
}

// fromFiles returns a server that answers with files of testdata/answers.
func fromFiles(t *testing.T, files map[string]string) *fakeServer {
	t.Helper()
	f := &fakeServer{answers: map[string]string{}}
	for endpoint, file := range files {
		f.answers[endpoint] = answerFile(t, file)
	}
	return f
}

func answerFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "answers", name+".json"))
	require.NoError(t, err)
	return string(text)
}

// testOptions are those of a data source that nobody set up.
func testOptions() Options {
	return Options{ScrapeInterval: 15 * time.Second, QueryTimeout: time.Minute, MaxPoints: 1_000_000}
}

// testRange is what the answers are about: three minutes.
func testRange() backend.TimeRange {
	return backend.TimeRange{From: time.UnixMilli(1700000101_000), To: time.UnixMilli(1700000230_000)}
}

// ask returns a query with the fields of a panel.
func ask(fields string) backend.DataQuery {
	return backend.DataQuery{
		RefID: "A", TimeRange: testRange(), MaxDataPoints: 1000, Interval: time.Second,
		JSON: fmt.Appendf(nil, `{"refId":"A","intervalMs":1000,%s}`, fields),
	}
}
