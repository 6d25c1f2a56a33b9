package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
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
	Documents(ctx context.Context, space string) ([]annotate.Document, error)
	Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error
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

	mu       sync.Mutex // of Apply and Close
	clusters []Cluster
	cancel   context.CancelFunc
	running  sync.WaitGroup
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
	if reflect.DeepEqual(clusters, c.clusters) {
		return // a reload that is about something else
	}
	c.end()
	c.clusters = clusters
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
	c.clusters = nil
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
			err = c.watch(ctx, one, client)
		}
		if ctx.Err() != nil {
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
	queue  workqueue.TypedRateLimitingInterface[key]
	stores map[string]cache.Store // by resource and namespace
	known  map[string]*known      // by the key of their documents
	failed *metrics.Counter
}

// known is what the log has of a workload.
type known struct {
	state    state
	revision int64
}

// key is an object that has altered.
type key struct{ store, name string }

// space has the documents of what is known of workloads.
const space = "kubernetes"

// document is the key of a workload's document.
func (w *watching) document(k key) string {
	resource, _, _ := strings.Cut(k.store, " ")
	return w.Name + "/" + resource + "/" + k.name
}

// load reads what was known before a restart.
func (w *watching) load(ctx context.Context) error {
	documents, err := w.opts.Log.Documents(ctx, space)
	if err != nil {
		return fmt.Errorf("reading what was known of the cluster: %w", err)
	}
	for _, d := range documents {
		if !strings.HasPrefix(d.Key, w.Name+"/") {
			continue
		}
		k := &known{revision: d.Revision}
		if err := json.Unmarshal(d.Body, &k.state); err != nil {
			return fmt.Errorf("reading what was known of %s: %w", d.Key, err)
		}
		w.known[d.Key] = k
	}
	return nil
}

// watch follows the workloads of a cluster until ctx ends.
func (c *Clusters) watch(ctx context.Context, one Cluster, client kubernetes.Interface) error {
	w := &watching{
		Clusters: c, Cluster: one, stores: map[string]cache.Store{}, known: map[string]*known{},
		queue:  workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[key]()),
		failed: c.opts.Metrics.GetOrCreateCounter(fmt.Sprintf("tidemark_kubernetes_failures_total{cluster=%q}", one.Name)),
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	namespaces := one.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""} // all
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, namespace := range namespaces {
		for resource, object := range map[string]runtime.Object{"deployments": &appsv1.Deployment{}, "statefulsets": &appsv1.StatefulSet{}, "daemonsets": &appsv1.DaemonSet{}} {
			informer, err := w.informer(client, resource, namespace, object)
			if err != nil {
				return err
			}
			all.Go(func() { informer.RunWithContext(ctx) })
			// What was deleted while nobody watched is told once it is known what is there.
			var before []key
			for id := range w.known {
				if name, ok := strings.CutPrefix(id, w.Name+"/"+resource+"/"); ok && (namespace == "" || strings.HasPrefix(name, namespace+"/")) {
					before = append(before, key{resource + " " + namespace, name})
				}
			}
			all.Go(func() {
				if cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
					for _, k := range before {
						w.queue.Add(k)
					}
				}
			})
		}
	}
	stop := context.AfterFunc(ctx, w.queue.ShutDown)
	defer stop()
	for w.next(ctx) {
	}
	return ctx.Err()
}

// informer has what alters of a resource queued.
func (w *watching) informer(client kubernetes.Interface, resource, namespace string, object runtime.Object) (cache.SharedIndexInformer, error) {
	id := resource + " " + namespace
	add := func(o any) {
		if name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o); err == nil {
			w.queue.Add(key{id, name})
		}
	}
	lw := cache.NewListWatchFromClient(client.AppsV1().RESTClient(), resource, namespace, fields.Everything())
	informer := cache.NewSharedIndexInformer(lw, object, 0, cache.Indexers{})
	err := informer.SetTransform(slim)
	if err == nil {
		err = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
			if ctx.Err() == nil {
				w.failed.Inc()
				w.opts.Logger.Warn("a cluster does not answer, and is asked again", "cluster", w.Name, "resource", resource, "err", err)
			}
		})
	}
	if err == nil {
		_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, o any) { add(o) }, DeleteFunc: add})
	}
	if err != nil {
		return nil, fmt.Errorf("setting up the watch of %s: %w", resource, err)
	}
	w.stores[id] = informer.GetStore()
	return informer, nil
}

// slim lets go of what is large in objects and is not read.
func slim(o any) (any, error) {
	if m, err := meta.Accessor(o); err == nil {
		m.SetManagedFields(nil)
		annotations := m.GetAnnotations()
		delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
		m.SetAnnotations(annotations)
	}
	return o, nil
}

// next tells of the next object that has altered. It returns false when the watching ends.
func (w *watching) next(ctx context.Context) bool {
	k, over := w.queue.Get()
	if over {
		return false
	}
	defer w.queue.Done(k)
	object, there, err := w.stores[k.store].GetByKey(k.name)
	if err == nil {
		err = w.see(ctx, k, object, there)
	}
	if err == nil {
		w.queue.Forget(k)
		return true
	}
	if ctx.Err() == nil {
		w.failed.Inc()
		w.opts.Logger.Warn("a rollout could not be recorded, and is tried again", "cluster", w.Name, "object", k.name, "err", err)
	}
	w.queue.AddRateLimited(k)
	return true
}

// see has the log know what is new of an object, which may be no more.
func (w *watching) see(ctx context.Context, k key, object any, there bool) error {
	id := w.document(k)
	if len(id) > annotate.MaxDocumentName {
		return nil
	}
	before := w.known[id]
	if before == nil {
		before = &known{}
	}
	if !there {
		return w.keep(ctx, k, id, before, nil, before.state.gone(w.Cluster, w.opts.Now()))
	}
	o, ok := workloadOf(object)
	if !ok {
		return nil
	}
	next, reports := before.state.next(w.Cluster, o, w.opts.Now())
	if len(reports) == 0 && reflect.DeepEqual(next, before.state) {
		return nil
	}
	return w.keep(ctx, k, id, before, &next, reports)
}

// keep has the log know the state of a workload, nil for one that is no more, together
// with what there is to report of it.
func (w *watching) keep(ctx context.Context, k key, id string, before *known, next *state, reports []annotate.Report) error {
	var body []byte
	if next != nil {
		var err error
		if body, err = json.Marshal(next); err != nil {
			return fmt.Errorf("encoding what is known of a workload: %w", err)
		}
	} else if before.revision == 0 {
		return nil
	}
	after := &known{}
	err := w.opts.Log.Transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		if len(reports) > 0 {
			if _, err := tx.Observe(ctx, "kubernetes:"+w.Name, reports); err != nil {
				return err
			}
		}
		d, err := tx.PutDocument(ctx, annotate.Document{Space: space, Key: id, Revision: before.revision, By: "tidemark", Body: body})
		after.revision = d.Revision
		return err
	})
	if code := annotate.CodeOf(err); len(reports) > 0 && (code == annotate.Invalid || code == annotate.Conflict) {
		w.failed.Inc()
		w.opts.Logger.Error("a rollout cannot be recorded, and is left out", "cluster", w.Name, "object", k.name, "err", err)
		return w.keep(ctx, k, id, before, next, nil)
	}
	if err != nil {
		return err
	}
	if next == nil {
		delete(w.known, id)
		return nil
	}
	after.state = *next
	w.known[id] = after
	return nil
}
