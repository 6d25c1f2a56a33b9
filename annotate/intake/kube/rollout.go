package kube

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tidemark/tidemark/annotate"
)

// workload is a Deployment, a StatefulSet or a DaemonSet, with the rollout of its newest
// pod template.
type workload struct {
	kind     string
	meta     metav1.ObjectMeta
	template corev1.PodTemplateSpec

	// revision names the pod template: it alters with it, and not when the workload is
	// scaled. Empty while the controller has not looked at it yet.
	revision string
	status   annotate.Status
	text     string
	// at is when the status came, where the workload says so.
	at          time.Time
	done, total int32
}

// The annotations by which Kubernetes says which pod template it is.
const (
	deploymentRevision = "deployment.kubernetes.io/revision"
	daemonSetTemplate  = "deprecated.daemonset.template.generation"
)

// workloadOf reads an object of apps/v1; ok is false for another.
func workloadOf(object any) (w workload, ok bool) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return deployment(o), true
	case *appsv1.StatefulSet:
		return statefulSet(o), true
	case *appsv1.DaemonSet:
		return daemonSet(o), true
	}
	return workload{}, false
}

// deployment follows what "kubectl rollout status" goes by
// (kubectl/pkg/polymorphichelpers/rollout_status.go).
func deployment(d *appsv1.Deployment) workload {
	w := workload{kind: "Deployment", meta: d.ObjectMeta, template: d.Spec.Template, total: 1, done: d.Status.UpdatedReplicas}
	if d.Spec.Replicas != nil {
		w.total = *d.Spec.Replicas
	}
	if d.Status.ObservedGeneration < d.Generation {
		return w
	}
	w.revision = d.Annotations[deploymentRevision]
	var progressing *appsv1.DeploymentCondition
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == appsv1.DeploymentProgressing {
			progressing = &d.Status.Conditions[i]
		}
	}
	s := d.Status
	w.set(s.UpdatedReplicas >= w.total && s.Replicas <= s.UpdatedReplicas && s.AvailableReplicas >= s.UpdatedReplicas)
	if progressing == nil {
		return w
	}
	if w.status == annotate.Running && progressing.Reason == "ProgressDeadlineExceeded" {
		w.status, w.text = annotate.Failed, progressing.Message
	}
	// While the newest state is that of the condition, the condition has its time.
	if w.status.Ended() == (progressing.Reason == "ProgressDeadlineExceeded" || progressing.Reason == "NewReplicaSetAvailable") {
		w.at = progressing.LastUpdateTime.UTC()
	}
	return w
}

func statefulSet(s *appsv1.StatefulSet) workload {
	w := workload{kind: "StatefulSet", meta: s.ObjectMeta, template: s.Spec.Template, total: 1, done: s.Status.UpdatedReplicas}
	if s.Spec.Replicas != nil {
		w.total = *s.Spec.Replicas
	}
	if s.Status.ObservedGeneration < s.Generation {
		return w
	}
	w.revision = s.Status.UpdateRevision
	if s.Status.CurrentRevision == s.Status.UpdateRevision {
		w.done = w.total
	}
	w.set(s.Status.CurrentRevision == s.Status.UpdateRevision && s.Status.ReadyReplicas >= w.total)
	return w
}

func daemonSet(d *appsv1.DaemonSet) workload {
	w := workload{kind: "DaemonSet", meta: d.ObjectMeta, template: d.Spec.Template, total: d.Status.DesiredNumberScheduled, done: d.Status.UpdatedNumberScheduled}
	if d.Status.ObservedGeneration < d.Generation {
		return w
	}
	w.revision = d.Annotations[daemonSetTemplate]
	w.set(w.done >= w.total && d.Status.NumberAvailable >= w.total)
	return w
}

// set says whether the rollout is over.
func (w *workload) set(complete bool) {
	w.status, w.text = annotate.Running, fmt.Sprintf("%d of %d pods are of it", w.done, w.total)
	if complete {
		w.status, w.text = annotate.Succeeded, fmt.Sprintf("all %d pods are of it, and available", w.total)
	}
}

// report is what the workload says of its rollout, as of now.
func (w workload) report(c Cluster, now time.Time) annotate.Report {
	at := w.at
	if at.IsZero() {
		at = now
	}
	r := annotate.Report{
		Source: c.Name, ExternalID: strings.ToLower(w.kind) + "/" + string(w.meta.UID) + "/" + w.revision, At: annotate.At(at),
		Kind: annotate.KindDeploy, Status: w.status, Service: w.meta.Name, Environment: c.Environment, Version: w.version(),
		Title: line(w.meta.Annotations["kubernetes.io/change-cause"], annotate.MaxTitle),
		Labels: map[string]string{
			"namespace": w.meta.Namespace, "workload": w.kind + "/" + w.meta.Name, "rollout": fmt.Sprintf("%d/%d", w.done, w.total),
		},
		Evidence: []annotate.Evidence{{Source: c.Name, Time: annotate.At(at), Text: line(w.text, 1000)}},
	}
	for name, value := range c.Labels {
		r.Labels[name] = value
	}
	if service := w.label(c.Service); service != "" {
		r.Service = service
	}
	if environment := w.label(c.EnvironmentLabels); environment != "" {
		r.Environment = environment
	}
	if w.status.Ended() {
		r.End = annotate.At(at)
	}
	return r
}

// label is the first of the labels that the workload, or its pods, has.
func (w workload) label(names []string) string {
	for _, name := range names {
		for _, labels := range []map[string]string{w.meta.Labels, w.template.Labels} {
			if v := labels[name]; v != "" {
				return v
			}
		}
	}
	return ""
}

// version is what the pods say of themselves, or the tag of their first image.
func (w workload) version() string {
	if v := w.label([]string{"app.kubernetes.io/version"}); v != "" {
		return v
	}
	if len(w.template.Spec.Containers) == 0 {
		return ""
	}
	image, _, _ := strings.Cut(w.template.Spec.Containers[0].Image, "@")
	name := image[strings.LastIndexByte(image, '/')+1:]
	_, tag, _ := strings.Cut(name, ":")
	return line(tag, annotate.MaxName)
}

// line is a text as one line of at most most bytes.
func line(s string, most int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
