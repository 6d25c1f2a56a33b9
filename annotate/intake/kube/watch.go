package kube

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"

	"github.com/tidemark/tidemark/annotate"
)

// Log is where rollouts are recorded; *changelog.Log is one.
type Log interface {
	Observe(ctx context.Context, by string, reports []annotate.Report) ([]annotate.Result, error)
}

// Cluster is one that is watched, and how.
type Cluster struct {
	// Name is the source of its changes.
	Name string
	// Kubeconfig is the file that says how it is reached, and Context which of its contexts
	// is meant; without a file it is the cluster that Tidemark runs in.
	Kubeconfig, Context string
	// Namespaces are those that are watched; none for all.
	Namespaces []string
	// Service and EnvironmentLabels are labels of workloads that say where they belong, of
	// several the first that is there. Otherwise the service is the workload's name, and
	// the environment is Environment.
	Service, EnvironmentLabels []string
	Environment                string
	// Labels are of all changes.
	Labels map[string]string
}

// Options of Clusters.
type Options struct {
	Log     Log
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
}

// Clusters are all that are watched.
type Clusters struct {
	opts Options

	mu      sync.Mutex // of Apply and Close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns Clusters of which none is watched yet.
func New(o Options) *Clusters {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Clusters{opts: o}
}

// Apply takes over which clusters are watched. One that cannot be reached is tried again,
// and keeps no other.
func (c *Clusters) Apply(clusters []Cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	for _, one := range clusters {
		c.running.Go(func() { c.run(ctx, one) })
	}
}

// Close ends the watching.
func (c *Clusters) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

func (c *Clusters) end() {
	if c.cancel != nil {
		c.cancel()
	}
	c.running.Wait()
}

// retryAfter is how long it takes until a cluster whose configuration cannot be read is
// tried again. Connections that break are client-go's to make anew.
const retryAfter = 30 * time.Second

// run watches one cluster until ctx ends.
func (c *Clusters) run(ctx context.Context, one Cluster) {
	for {
		client, err := one.client()
		if err == nil {
			c.watch(ctx, one, client)
			return
		}
		c.opts.Logger.Error("a cluster cannot be watched, and is tried again", "cluster", one.Name, "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryAfter):
		}
	}
}

func (c Cluster) client() (kubernetes.Interface, error) {
	var config *rest.Config
	var err error
	if c.Kubeconfig == "" {
		config, err = rest.InClusterConfig()
	} else {
		config, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Kubeconfig},
			&clientcmd.ConfigOverrides{CurrentContext: c.Context},
		).ClientConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("reading how the cluster is reached: %w", err)
	}
	config.UserAgent = "tidemark"
	return kubernetes.NewForConfig(config)
}

// watching is one cluster while it is watched.
type watching struct {
	*Clusters
	Cluster
	queue   workqueue.TypedRateLimitingInterface[key]
	stores  map[string]cache.Store // by resource and namespace
	told    map[key]string         // what was told last
	metrics struct{ seen, failed *metrics.Counter }
}

// key is an object that has altered.
type key struct{ store, name string }

// watch follows the workloads of a cluster until ctx ends.
func (c *Clusters) watch(ctx context.Context, one Cluster, client kubernetes.Interface) {
	w := &watching{
		Clusters: c, Cluster: one, stores: map[string]cache.Store{}, told: map[key]string{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[key]()),
	}
	w.metrics.seen = c.opts.Metrics.GetOrCreateCounter(fmt.Sprintf("tidemark_kubernetes_rollouts_total{cluster=%q}", one.Name))
	w.metrics.failed = c.opts.Metrics.GetOrCreateCounter(fmt.Sprintf("tidemark_kubernetes_failures_total{cluster=%q}", one.Name))
	namespaces := one.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""} // all
	}
	var informers []cache.Controller
	for _, namespace := range namespaces {
		for resource, object := range map[string]runtime.Object{"deployments": &appsv1.Deployment{}, "statefulsets": &appsv1.StatefulSet{}, "daemonsets": &appsv1.DaemonSet{}} {
			id := resource + " " + namespace
			add := func(o any) {
				if name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o); err == nil {
					w.queue.Add(key{id, name})
				}
			}
			store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
				ListerWatcher: cache.NewListWatchFromClient(client.AppsV1().RESTClient(), resource, namespace, fields.Everything()),
				ObjectType:    object,
				Handler:       cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, o any) { add(o) }},
			})
			w.stores[id] = store
			informers = append(informers, informer)
		}
	}
	var all sync.WaitGroup
	for _, informer := range informers {
		all.Go(func() { informer.RunWithContext(ctx) })
	}
	stop := context.AfterFunc(ctx, w.queue.ShutDown)
	defer stop()
	for w.next(ctx) {
	}
	all.Wait()
}

// next tells of the next object that has altered. It returns false when the watching ends.
func (w *watching) next(ctx context.Context) bool {
	k, over := w.queue.Get()
	if over {
		return false
	}
	defer w.queue.Done(k)
	object, there, err := w.stores[k.store].GetByKey(k.name)
	if err != nil || !there {
		delete(w.told, k)
		w.queue.Forget(k)
		return true
	}
	if err := w.tell(ctx, k, object); err != nil {
		if ctx.Err() == nil {
			w.metrics.failed.Inc()
			w.opts.Logger.Warn("a rollout could not be recorded, and is tried again", "cluster", w.Name, "object", k.name, "err", err)
		}
		w.queue.AddRateLimited(k)
		return true
	}
	w.queue.Forget(k)
	return true
}

// maxBefore is how long before the watching began a rollout may have ended that is told:
// what happened while Tidemark was away is not lost.
const maxBefore = time.Hour

// tell has the log know what is new in an object.
func (w *watching) tell(ctx context.Context, k key, object any) error {
	o, ok := workloadOf(object)
	if !ok || o.revision == "" {
		return nil
	}
	now := w.opts.Now()
	template := string(o.meta.UID) + " " + o.revision + " "
	said := fmt.Sprint(template, o.status, 4*o.done/max(o.total, 1)) // a quarter is worth a line
	before, known := w.told[k]
	if said == before {
		return nil
	}
	// Of what is well when the watching begins nobody knows since when, unless it says so.
	if !known && o.status == annotate.Succeeded && (o.at.IsZero() || now.Sub(o.at) > maxBefore) {
		w.told[k] = said
		return nil
	}
	// One that was well and is less so, of the same template, is no deploy: a pod was lost.
	if known && o.status == annotate.Running && strings.HasPrefix(before, template+string(annotate.Succeeded)) {
		return nil
	}
	_, err := w.opts.Log.Observe(ctx, "kubernetes:"+w.Name, []annotate.Report{o.report(w.Cluster, now)})
	if code := annotate.CodeOf(err); code == annotate.Invalid || code == annotate.Conflict {
		w.metrics.failed.Inc()
		w.opts.Logger.Error("a rollout cannot be recorded, and is left out", "cluster", w.Name, "object", o.meta.Namespace+"/"+o.meta.Name, "err", err)
		err = nil
	}
	if err != nil {
		return err
	}
	w.metrics.seen.Inc()
	w.told[k] = said
	return nil
}
