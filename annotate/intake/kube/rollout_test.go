package kube

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tidemark/tidemark/annotate"
)

var zero = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(minutes int) metav1.Time {
	return metav1.NewTime(zero.Add(time.Duration(minutes) * time.Minute))
}

// web is a Deployment of four pods that is well.
func web() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "6f1c", Generation: 7, Annotations: map[string]string{"kubernetes.io/change-cause": "kubectl set image deployment/web web=v2"}},
		Spec: appsv1.DeploymentSpec{Replicas: new(int32(4)), Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "production"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Image: "registry.acme.example:5000/shop/web:v1@sha256:abc"}}},
		}},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 7, Replicas: 4, UpdatedReplicas: 4, ReadyReplicas: 4, AvailableReplicas: 4,
			Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable", LastUpdateTime: at(-5000)}},
		},
	}
}

// image has a Deployment bring an image, as its controller has just seen.
func image(d *appsv1.Deployment, tag string) {
	d.Generation++
	d.Spec.Template.Spec.Containers = []corev1.Container{{Image: "web:" + tag}}
	d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas = d.Generation, 5, 1
	d.Status.Conditions[0].Status, d.Status.Conditions[0].Reason = corev1.ConditionTrue, "ReplicaSetUpdated"
}

func updated(d *appsv1.Deployment, n int32) { d.Status.UpdatedReplicas = n }

func well(d *appsv1.Deployment, minute int) {
	n := *d.Spec.Replicas
	d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = n, n, n
	d.Status.Conditions[0].Reason, d.Status.Conditions[0].LastUpdateTime = "NewReplicaSetAvailable", at(minute)
}

func scale(d *appsv1.Deployment, n int32) {
	d.Generation++
	d.Status.ObservedGeneration = d.Generation
	d.Spec.Replicas = new(n)
}

// seenAs is what is told of a workload as it is seen to alter.
type seenAs struct {
	*testing.T
	state state
	told  []string
}

func (s *seenAs) see(minute int, object any) {
	s.Helper()
	w, ok := workloadOf(object)
	require.True(s, ok)
	now := at(minute).Time
	next, reports := s.state.next(Cluster{Name: "eu-1", EnvironmentLabels: []string{"env"}, Labels: map[string]string{"region": "eu"}}, w, now)
	body, err := json.Marshal(next) // as over a restart
	require.NoError(s, err)
	s.state = state{}
	require.NoError(s, json.Unmarshal(body, &s.state))
	for _, r := range reports {
		end := ""
		if !r.End.IsZero() {
			end = fmt.Sprint("-", r.End.Sub(zero).Minutes())
		}
		s.told = append(s.told, fmt.Sprintf("%d: %s %s %s %v%s %s", minute, r.ExternalID, r.Version, r.Status, r.Start.Sub(zero).Minutes(), end, r.Labels["rollout"]))
		require.NoError(s, r.New(now).Validate(now))
	}
}

func (s *seenAs) requireTold(want ...string) {
	s.Helper()
	require.Equal(s, strings.Join(want, "\n"), strings.Join(s.told, "\n"))
	s.told = nil
}

func TestDeployments(t *testing.T) {
	s, d := &seenAs{T: t}, web()
	s.see(0, d) // what was well before is no change
	s.requireTold()

	image(d, "v2")
	s.see(1, d)
	updated(d, 1)
	s.see(2, d)
	updated(d, 2)
	s.see(3, d)
	updated(d, 4) // old pods are going still
	s.see(4, d)
	d.Status.Replicas, d.Status.AvailableReplicas = 4, 3 // and one is not available yet
	s.see(5, d)
	well(d, 6)
	s.see(7, d)
	s.requireTold(
		"1: deployment/6f1c/8 v2 running 1 1/4", "3: deployment/6f1c/8 v2 running 1 2/4", "4: deployment/6f1c/8 v2 running 1 4/4",
		"7: deployment/6f1c/8 v2 succeeded 1-6 4/4",
	)

	// Pods that are lost, more of them, fewer, and none are no deploy.
	d.Status.AvailableReplicas = 1
	s.see(10, d)
	for minute, n := range []int32{6, 4, 0, 3} {
		scale(d, n)
		s.see(11+minute, d)
		well(d, 6)
		s.see(11+minute, d)
	}
	s.requireTold()

	// One that does not get on is taken back, by a template that was there before.
	before := d.Spec.Template
	image(d, "v3")
	s.see(20, d)
	d.Status.Conditions[0].Status, d.Status.Conditions[0].Reason, d.Status.Conditions[0].LastUpdateTime = corev1.ConditionFalse, "ProgressDeadlineExceeded", at(30)
	s.see(31, d)
	s.see(32, d)
	image(d, "v2")
	d.Spec.Template = before
	s.see(33, d)
	well(d, 34)
	s.see(35, d)
	s.requireTold(
		"20: deployment/6f1c/13 v3 running 20 1/3", "31: deployment/6f1c/13 v3 failed 20-30 1/3",
		"33: deployment/6f1c/14 v2 running 33 1/3", "35: deployment/6f1c/14 v2 succeeded 33-34 3/3",
	)

	// Another template comes before all pods are of the one before.
	image(d, "v4")
	s.see(40, d)
	image(d, "v5")
	s.see(41, d)
	s.requireTold("40: deployment/6f1c/15 v4 running 40 1/3", "41: deployment/6f1c/15 v4 cancelled 40-41 1/3", "41: deployment/6f1c/16 v5 running 41 1/3")
	require.Equal(t, annotate.Cancelled, s.state.gone(Cluster{Name: "eu-1"}, zero)[0].Status)
}

func TestWhatNoControllerHasLookedAt(t *testing.T) {
	s, d := &seenAs{T: t}, web()
	s.see(0, d)
	image(d, "v2")
	d.Status.ObservedGeneration--
	s.see(1, d)
	d.Status.ObservedGeneration++
	d.Spec.Paused = true
	s.see(2, d)
	s.requireTold()
	d.Spec.Paused = false
	s.see(3, d)
	s.requireTold("3: deployment/6f1c/8 v2 running 3 1/4")

	// The same name again is another Deployment.
	d.UID = "another"
	s.see(4, d)
	s.requireTold()
	_, ok := workloadOf(&corev1.Pod{})
	require.False(t, ok)
}

func TestStatefulSets(t *testing.T) {
	s := &seenAs{T: t}
	db := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db", UID: "77aa", Generation: 3},
		Spec:       appsv1.StatefulSetSpec{Replicas: new(int32(3)), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/version": "16.1"}}}},
		Status:     appsv1.StatefulSetStatus{ObservedGeneration: 3, CurrentRevision: "db-1", UpdateRevision: "db-1", ReadyReplicas: 3},
	}
	s.see(0, db)
	version := func(v string) {
		db.Generation++
		db.Spec.Template.Labels = map[string]string{"app.kubernetes.io/version": v}
		db.Status.ObservedGeneration, db.Status.UpdateRevision, db.Status.UpdatedReplicas = db.Generation, "db-"+v, 0
	}
	over := func() { db.Status.CurrentRevision, db.Status.ReadyReplicas = db.Status.UpdateRevision, 3 }
	version("16.2")
	s.see(1, db)
	db.Status.UpdatedReplicas, db.Status.ReadyReplicas = 2, 2
	s.see(2, db)
	over()
	s.see(3, db)
	db.Status.ReadyReplicas = 2 // a pod is lost
	s.see(4, db)
	s.requireTold("1: statefulset/77aa/4 16.2 running 1 0/3", "2: statefulset/77aa/4 16.2 running 1 2/3", "3: statefulset/77aa/4 16.2 succeeded 1-3 3/3")

	version("16.1") // and back, which is a deploy of its own
	over()
	s.see(10, db)
	s.requireTold("10: statefulset/77aa/5 16.1 succeeded 10-10 3/3")

	db.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(2))}
	version("16.3")
	s.see(20, db)
	db.Status.UpdatedReplicas, db.Status.ReadyReplicas = 1, 3
	s.see(21, db)
	s.requireTold("20: statefulset/77aa/6 16.3 running 20 0/1", "21: statefulset/77aa/6 16.3 succeeded 20-21 1/1")
}

func TestDaemonSets(t *testing.T) {
	s := &seenAs{T: t}
	agent := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", UID: "90bc", Generation: 2},
		Status:     appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 5, UpdatedNumberScheduled: 5, NumberAvailable: 4},
	}
	s.see(0, agent)
	agent.Status.DesiredNumberScheduled = 6 // a node came
	s.see(1, agent)
	s.requireTold()
	agent.Generation, agent.Spec.Template.Labels = 3, map[string]string{"app.kubernetes.io/version": "2"}
	agent.Status = appsv1.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 6, UpdatedNumberScheduled: 3, NumberAvailable: 6}
	s.see(2, agent)
	agent.Status.UpdatedNumberScheduled = 6
	s.see(3, agent)
	s.requireTold("2: daemonset/90bc/3 2 running 2 3/6", "3: daemonset/90bc/3 2 succeeded 2-3 6/6")
}
