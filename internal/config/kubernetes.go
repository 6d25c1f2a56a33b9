package config

import (
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake/kube"
)

// Kubernetes is the section kubernetes: the clusters whose rollouts are followed.
type Kubernetes struct{ Clusters []kube.Cluster }

// maxClusters is how many clusters there may be.
const maxClusters = 100

// read reads the whole section.
func (k *Kubernetes) read(r *reader, n *yaml.Node, key string) {
	r.entries(n, key, func(name, value *yaml.Node, path string) {
		switch {
		case len(k.Clusters) == maxClusters:
			r.fail(name, path, "is one too many: there may be %d", maxClusters)
		case !environmentPattern.MatchString(name.Value):
			r.fail(name, path, "must be called by letters, digits, '.', '_' and '-', at most 100")
		default:
			k.readOne(r, name.Value, value, path)
		}
	})
}

func (k *Kubernetes) readOne(r *reader, name string, n *yaml.Node, key string) {
	c := kube.Cluster{Name: name}
	before := len(r.errs)
	object(map[string]read{
		"kubeconfig":         text(into(&c.Kubeconfig, anyText)),
		"context":            text(into(&c.Context, anyText)),
		"namespaces":         words(&c.Namespaces, checkEnvironment),
		"service_labels":     words(&c.Service, checkLabelName),
		"environment_labels": words(&c.EnvironmentLabels, checkLabelName),
		"environment":        text(into(&c.Environment, checkEnvironment)),
		"labels":             changeLabels(&c.Labels),
	})(r, n, key)
	if c.Context != "" && c.Kubeconfig == "" {
		r.fail(lookup(resolve(n), "context"), key+".context", "is that of a kubeconfig, and there is none")
	}
	if len(c.Labels) > annotate.MaxLabels-10 {
		r.fail(n, key+".labels", "has %d labels, and may have %d", len(c.Labels), annotate.MaxLabels-10)
	}
	if len(r.errs) == before {
		k.Clusters = append(k.Clusters, c)
	}
}

// complete makes relative paths start at dir.
func (k *Kubernetes) complete(dir string) {
	for i := range k.Clusters {
		if file := &k.Clusters[i].Kubeconfig; *file != "" && dir != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
}
