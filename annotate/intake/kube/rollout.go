package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake"
)

// workload is a Deployment, a StatefulSet or a DaemonSet, as it stands.
type workload struct {
	kind     string
	meta     metav1.ObjectMeta
	template corev1.PodTemplateSpec

	// observed says that its controller has looked at it as it is, and paused that it will
	// bring no new pod template to any pod.
	observed, paused bool
	// over says that all pods are of the newest template, and available; failed that it
	// does not get on, and why.
	over   bool
	failed string
	// at is when the one or the other came about, where the workload says so.
	at          time.Time
	done, total int32
}

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

func replicas(n *int32) int32 {
	if n == nil {
		return 1 // as the API has it
	}
	return *n
}

// deployment goes by what "kubectl rollout status" goes by
// (kubectl/pkg/polymorphichelpers/rollout_status.go).
func deployment(d *appsv1.Deployment) workload {
	s := d.Status
	w := workload{
		kind: "Deployment", meta: d.ObjectMeta, template: d.Spec.Template, observed: s.ObservedGeneration >= d.Generation, paused: d.Spec.Paused,
		done: s.UpdatedReplicas, total: replicas(d.Spec.Replicas),
	}
	w.over = s.UpdatedReplicas >= w.total && s.Replicas <= s.UpdatedReplicas && s.AvailableReplicas >= s.UpdatedReplicas
	for _, c := range s.Conditions {
		if c.Type != appsv1.DeploymentProgressing {
			continue
		}
		if c.Reason == "ProgressDeadlineExceeded" && !w.over {
			w.failed = strings.TrimSuffix(c.Reason+": "+c.Message, ": ")
		}
		if w.over && c.Reason == "NewReplicaSetAvailable" || w.failed != "" {
			w.at = c.LastUpdateTime.UTC()
		}
	}
	return w
}

func statefulSet(s *appsv1.StatefulSet) workload {
	w := workload{
		kind: "StatefulSet", meta: s.ObjectMeta, template: s.Spec.Template, observed: s.Status.ObservedGeneration >= s.Generation,
		done: s.Status.UpdatedReplicas, total: replicas(s.Spec.Replicas),
		paused: s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType, // somebody deletes the pods, or nobody does
	}
	if rolling := s.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		w.total = max(0, w.total-*rolling.Partition) // the others stay as they are
	}
	if s.Status.CurrentRevision == s.Status.UpdateRevision {
		w.done = w.total
	}
	w.over = w.done >= w.total && s.Status.ReadyReplicas >= replicas(s.Spec.Replicas)
	return w
}

func daemonSet(d *appsv1.DaemonSet) workload {
	w := workload{
		kind: "DaemonSet", meta: d.ObjectMeta, template: d.Spec.Template, observed: d.Status.ObservedGeneration >= d.Generation,
		done: d.Status.UpdatedNumberScheduled, total: d.Status.DesiredNumberScheduled,
		paused: d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
	}
	w.over = w.done >= w.total && d.Status.NumberAvailable >= w.total
	return w
}

// templateHash tells pod templates apart. What alters it is a deploy; scaling does not.
func (w workload) templateHash() string {
	raw, err := json.Marshal(w.template)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// state is what is known of a workload.
type state struct {
	UID      string `json:"uid"`
	Template string `json:"template"`
	// Rollout is under way; nil for none.
	Rollout *rollout `json:"rollout,omitempty"`
}

// rollout is a pod template on its way to the pods.
type rollout struct {
	ID      string    `json:"id"` // the external_id of its change
	Version string    `json:"version,omitempty"`
	Began   time.Time `json:"began"`
	Quarter int32     `json:"quarter"` // how far it was when it was told last, in steps that are worth a line
	Failed  bool      `json:"failed,omitempty"`
}

// next returns what is known of the workload w once it was seen as it is at now, and what
// there is to report. Whoever keeps the state keeps it together with the reports.
func (s state) next(c Cluster, w workload, now time.Time) (state, []annotate.Report) {
	now = now.UTC()
	template := w.templateHash()
	if s.UID != string(w.meta.UID) { // never seen before: whatever it runs was not deployed just now
		return state{UID: string(w.meta.UID), Template: template}, nil
	}
	if !w.observed || w.paused {
		return s, nil
	}
	var reports []annotate.Report
	tell := func(r *rollout, status annotate.Status, at time.Time, text string) {
		reports = append(reports, w.report(c, *r, status, at, now, text))
	}
	if template != s.Template {
		if s.Rollout != nil && !s.Rollout.Failed {
			tell(s.Rollout, annotate.Cancelled, now, "another pod template came before all pods were of it")
		}
		s.Template = template
		s.Rollout = &rollout{
			ID:      fmt.Sprintf("%s/%s/%d", strings.ToLower(w.kind), w.meta.UID, w.meta.Generation),
			Version: w.version(), Began: now, Quarter: -1,
		}
	}
	if s.Rollout == nil {
		return s, reports
	}
	r := *s.Rollout
	s.Rollout = &r
	at := now
	if w.at.After(r.Began.Add(-clocksDiffer)) {
		at = w.at
	}
	switch {
	case w.over:
		tell(&r, annotate.Succeeded, at, fmt.Sprintf("all %d pods are of it, and available", w.total))
		s.Rollout = nil
	case w.failed != "" && !r.Failed:
		r.Failed = true
		tell(&r, annotate.Failed, at, w.failed)
	case w.failed == "" && quarter(w) > r.Quarter:
		r.Quarter = quarter(w)
		tell(&r, annotate.Running, now, fmt.Sprintf("%d of %d pods are of it", w.done, w.total))
	}
	return s, reports
}

// maxText is how much is kept of what a cluster says of a failure, in bytes.
const maxText = 1000

// clocksDiffer is how far the cluster's clock may be behind ours.
const clocksDiffer = time.Minute

func quarter(w workload) int32 {
	if w.total <= 0 {
		return 0
	}
	return min(max(4*w.done/w.total, 0), 4)
}

// gone returns what there is to report of a workload that is no more.
func (s state) gone(c Cluster, now time.Time) []annotate.Report {
	if s.Rollout == nil || s.Rollout.Failed {
		return nil
	}
	at := annotate.At(now)
	return []annotate.Report{{
		Source: c.Name, ExternalID: s.Rollout.ID, At: at, Kind: annotate.KindDeploy, Status: annotate.Cancelled, End: at,
		Evidence: []annotate.Evidence{{Source: c.Name, Time: at, Text: "it was deleted before all pods were of it"}},
	}}
}

// report is what is told of a rollout at now: that its status came at a time. Whatever the
// cluster's clock says, it is told in the order in which it was seen.
func (w workload) report(c Cluster, r rollout, status annotate.Status, at, now time.Time, text string) annotate.Report {
	report := annotate.Report{
		Source: c.Name, ExternalID: r.ID, At: annotate.At(now),
		Kind: annotate.KindDeploy, Status: status, Start: annotate.At(r.Began), Service: w.meta.Name, Environment: c.Environment, Version: r.Version,
		Labels: map[string]string{
			"namespace": w.meta.Namespace, "workload": w.kind + "/" + w.meta.Name, annotate.LabelRollout: fmt.Sprintf("%d/%d", w.done, w.total),
		},
		Evidence: []annotate.Evidence{{Source: c.Name, Time: annotate.At(at), Text: intake.Line(text, maxText)}},
	}
	if status != annotate.Cancelled { // which another template may have written by now
		report.Title = intake.Line(w.meta.Annotations["kubernetes.io/change-cause"], annotate.MaxTitle)
	}
	for name, value := range c.Labels {
		report.Labels[name] = value
	}
	if service := w.label(c.Service); service != "" {
		report.Service = service
	}
	if environment := w.label(c.EnvironmentLabels); environment != "" {
		report.Environment = environment
	}
	if at.Before(r.Began) {
		report.Start = annotate.At(at)
	}
	if status.Ended() {
		report.End = annotate.At(at)
	}
	return report
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
	if v := w.template.Labels["app.kubernetes.io/version"]; v != "" {
		return v
	}
	if len(w.template.Spec.Containers) == 0 {
		return ""
	}
	return intake.Line(intake.ImageTag(w.template.Spec.Containers[0].Image), annotate.MaxName)
}
