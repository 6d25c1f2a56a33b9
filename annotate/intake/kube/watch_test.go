package kube

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// apiServer answers lists and watches of one Deployment, as Kubernetes' API does: no
// cluster can run where the tests do.
type apiServer struct {
	*httptest.Server
	mu      sync.Mutex
	current *appsv1.Deployment
	version int
	altered chan struct{} // closed when it alters
}

func newAPIServer(t *testing.T, d *appsv1.Deployment) *apiServer {
	s := &apiServer{current: d, version: 100, altered: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.CloseClientConnections)
	return s
}

func (s *apiServer) set(alter func(*appsv1.Deployment)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.current.DeepCopy()
	alter(next)
	s.current, s.version = next, s.version+1
	close(s.altered)
	s.altered = make(chan struct{})
}

func (s *apiServer) state() (d *appsv1.Deployment, altered chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d = s.current.DeepCopy()
	d.ResourceVersion, d.TypeMeta = fmt.Sprint(s.version), metav1.TypeMeta{Kind: "Deployment", APIVersion: "apps/v1"}
	return d, s.altered
}

func (s *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	if query.Get("sendInitialEvents") != "" { // of servers that can stream lists
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonInvalid, Code: 422})
		return
	}
	mine := strings.HasSuffix(r.URL.Path, "/namespaces/shop/deployments")
	d, altered := s.state()
	if query.Get("watch") == "" {
		list := appsv1.DeploymentList{TypeMeta: metav1.TypeMeta{Kind: "DeploymentList", APIVersion: "apps/v1"}, ListMeta: metav1.ListMeta{ResourceVersion: d.ResourceVersion}}
		if mine {
			list.Items = []appsv1.Deployment{*d}
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-altered:
		}
		d, altered = s.state()
		if mine {
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": d})
			w.(http.Flusher).Flush()
		}
	}
}

// kubeconfig writes how the server is reached.
func (s *apiServer) kubeconfig(t *testing.T) string {
	c := clientcmdapi.NewConfig()
	c.Clusters["eu-1"] = &clientcmdapi.Cluster{Server: s.URL}
	c.Contexts["eu-1"] = &clientcmdapi.Context{Cluster: "eu-1"}
	c.CurrentContext = "eu-1"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*c, path))
	return path
}

func TestARolloutIsFollowed(t *testing.T) {
	api := newAPIServer(t, web())
	log, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	clusters := New(Options{Log: log, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	t.Cleanup(clusters.Close)
	cluster := Cluster{Name: "eu-1", Kubeconfig: api.kubeconfig(t), Namespaces: []string{"shop"}, Environment: "production"}
	away := Cluster{Name: "away", Kubeconfig: filepath.Join(t.TempDir(), "none")}
	clusters.Apply([]Cluster{cluster, away})

	changes := func() []annotate.Change {
		page, err := log.List(t.Context(), annotate.List{Limit: 10})
		require.NoError(t, err)
		return page.Changes
	}
	wait := func(right func([]annotate.Change) bool) annotate.Change {
		t.Helper()
		var list []annotate.Change
		require.Eventually(t, func() bool { list = changes(); return right(list) }, time.Minute, 10*time.Millisecond, "%v", list)
		return list[0]
	}
	newest := func(status annotate.Status, n int) func([]annotate.Change) bool {
		return func(list []annotate.Change) bool { return len(list) == n && list[0].Status == status }
	}
	require.Eventually(t, func() bool { // what was well is known
		list, err := log.Documents(t.Context(), space)
		return err == nil && len(list) == 1
	}, time.Minute, 10*time.Millisecond)
	require.Empty(t, changes())

	api.set(func(d *appsv1.Deployment) { image(d, "v2") })
	c := wait(newest(annotate.Running, 1))
	require.Equal(t, []string{"web", "production", "v2", "eu-1", "kubectl set image deployment/web web=v2"}, []string{c.Service, c.Environment, c.Version, c.Source, c.Title})

	// Its end comes while Tidemark is away.
	clusters.Close()
	api.set(func(d *appsv1.Deployment) {
		well(d, 0)
		d.Status.Conditions[0].LastUpdateTime = metav1.Now()
	})
	clusters.Apply([]Cluster{cluster, away})
	c = wait(newest(annotate.Succeeded, 1))
	require.Equal(t, "4/4", c.Labels["rollout"])

	// It is deleted in the middle of another.
	api.set(func(d *appsv1.Deployment) { image(d, "v3") })
	wait(newest(annotate.Running, 2))
	clusters.Close()
	api.set(func(d *appsv1.Deployment) { d.Name = "gone" })
	clusters.Apply([]Cluster{cluster})
	wait(newest(annotate.Cancelled, 2))
	require.Eventually(t, func() bool {
		list, err := log.Documents(t.Context(), space)
		return err == nil && len(list) == 1 && strings.HasSuffix(list[0].Key, "/gone")
	}, time.Minute, 10*time.Millisecond)
}
