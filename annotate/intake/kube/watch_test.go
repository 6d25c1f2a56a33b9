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
	corev1 "k8s.io/api/core/v1"
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
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	over := func(d *appsv1.Deployment, at time.Time) {
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = 4, 4, 4
		d.Status.Conditions[1].Reason, d.Status.Conditions[1].LastUpdateTime = "NewReplicaSetAvailable", metav1.NewTime(at)
	}
	d := web()
	over(d, began.Add(-48*time.Hour))
	api := newAPIServer(t, d)
	log, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	clusters := New(Options{Log: log, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	t.Cleanup(clusters.Close)
	cluster := Cluster{Name: "eu-1", Kubeconfig: api.kubeconfig(t), Namespaces: []string{"shop"}, Environment: "production"}
	clusters.Apply([]Cluster{cluster})

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
	rollout := func(status annotate.Status, n string) func([]annotate.Change) bool {
		return func(list []annotate.Change) bool {
			return len(list) > 0 && list[0].Status == status && list[0].Labels["rollout"] == n
		}
	}
	update := func(revision, image string) {
		api.set(func(d *appsv1.Deployment) {
			d.Generation, d.Status.ObservedGeneration, d.Annotations[deploymentRevision] = d.Generation+1, d.Generation+1, revision
			d.Spec.Template.Spec.Containers = []corev1.Container{{Image: "web:" + image}}
			d.Status.Replicas, d.Status.UpdatedReplicas = 5, 1
			d.Status.Conditions[1].Reason, d.Status.Conditions[1].LastUpdateTime = "ReplicaSetUpdated", metav1.NewTime(began)
		})
	}
	update("13", "v2") // what was well for days before is no change
	c := wait(rollout(annotate.Running, "1/4"))
	require.Equal(t, []string{"web", "production", "v2", "eu-1"}, []string{c.Service, c.Environment, c.Version, c.Source})
	require.Equal(t, annotate.At(began), c.Start)
	api.set(func(d *appsv1.Deployment) { over(d, began.Add(30*time.Second)) })
	c = wait(rollout(annotate.Succeeded, "4/4"))
	require.Equal(t, annotate.At(began.Add(30*time.Second)), *c.End)

	// A pod that is lost, and more pods, are no deploy.
	api.set(func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 3 })
	api.set(func(d *appsv1.Deployment) {
		d.Spec.Replicas = new(int32(6))
		d.Generation, d.Status.ObservedGeneration = 20, 20
	})

	// What fails while Tidemark is away is told after it.
	clusters.Close()
	update("14", "v3")
	api.set(func(d *appsv1.Deployment) {
		d.Status.Conditions[1].Status, d.Status.Conditions[1].Reason, d.Status.Conditions[1].LastUpdateTime = corev1.ConditionFalse, "ProgressDeadlineExceeded", metav1.NewTime(began.Add(50*time.Second))
	})
	clusters.Apply([]Cluster{cluster, {Name: "away", Kubeconfig: filepath.Join(t.TempDir(), "none")}})
	c = wait(func(list []annotate.Change) bool { return len(list) == 2 && list[0].Status == annotate.Failed })
	require.Equal(t, "v3", c.Version)
	require.Equal(t, 2, changes()[1].Revision, "and of the one before nothing more")
}
