package changes

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// stubServer is a Server whose answers a test decides on.
type stubServer struct {
	get    func(ctx context.Context, endpoint string, query url.Values) (any, error)
	stream func(ctx context.Context, lastEventID string) (io.ReadCloser, error)

	mu    sync.Mutex
	calls []url.Values
}

func (s *stubServer) Get(ctx context.Context, endpoint string, query url.Values, out any) error {
	s.mu.Lock()
	s.calls = append(s.calls, query)
	s.mu.Unlock()
	answer, err := s.get(ctx, endpoint, query)
	if err != nil {
		return backend.DownstreamError(err)
	}
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

func (s *stubServer) Post(ctx context.Context, endpoint string, form url.Values, out any) error {
	return s.Get(ctx, endpoint, form, out)
}

func (s *stubServer) Stream(ctx context.Context, _ string, _ url.Values, lastEventID string) (io.ReadCloser, error) {
	return s.stream(ctx, lastEventID)
}

// asked is how often Get or Post was called.
func (s *stubServer) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// asUser returns ctx as Grafana's SDK hands it on for a user.
func asUser(ctx context.Context, login string) context.Context {
	return backend.WithUser(ctx, &backend.User{Login: login})
}
