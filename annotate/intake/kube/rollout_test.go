package kube

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tidemark/tidemark/annotate"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(minutes int) metav1.Time {
	return metav1.NewTime(now.Add(time.Duration(minutes) * time.Minute))
}

// web is a Deployment of four pods, as the controller leaves it in the middle of a rollout.
func web() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "shop", UID: "6f1c", Generation: 7, Labels: map[string]string{"team": "checkout"},
			Annotations: map[string]string{deploymentRevision: "12", "kubernetes.io/change-cause": "kubectl set image deployment/web web=registry.acme.example:5000/shop/web:v1.43.0"},
		},
		Spec: appsv1.DeploymentSpec{Replicas: new(int32(4)), Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "production"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Image: "registry.acme.example:5000/shop/web:v1.43.0@sha256:abc"}}},
		}},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 7, Replicas: 5, UpdatedReplicas: 2, ReadyReplicas: 4, AvailableReplicas: 4,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, LastUpdateTime: at(-600)},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated", LastUpdateTime: at(-5)},
			},
		},
	}
}

func TestDeployments(t *testing.T) {
	f := func(name string, alter func(*appsv1.Deployment), status annotate.Status, rollout string, end time.Time) {
		t.Helper()
		d := web()
		alter(d)
		w, ok := workloadOf(d)
		require.True(t, ok)
		r := w.report(Cluster{Name: "eu-1", EnvironmentLabels: []string{"env"}, Labels: map[string]string{"region": "eu"}}, now)
		require.Equal(t, status, r.Status, name)
		require.Equal(t, rollout, r.Labels["rollout"], name)
		require.Equal(t, annotate.At(end), r.End, name)
		require.Equal(t, []string{"eu-1", "deployment/6f1c/12", "web", "production", "v1.43.0"}, []string{r.Source, r.ExternalID, r.Service, r.Environment, r.Version})
		require.NoError(t, r.New(now).Validate(now))
	}
	f("in the middle", func(*appsv1.Deployment) {}, annotate.Running, "2/4", time.Time{})
	f("old pods are going still", func(d *appsv1.Deployment) {
		d.Status.UpdatedReplicas, d.Status.AvailableReplicas = 4, 4
	}, annotate.Running, "4/4", time.Time{})
	f("new pods are not available yet", func(d *appsv1.Deployment) {
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = 4, 4, 3
	}, annotate.Running, "4/4", time.Time{})
	f("it is over", func(d *appsv1.Deployment) {
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas = 4, 4, 4
		d.Status.Conditions[1].Reason, d.Status.Conditions[1].LastUpdateTime = "NewReplicaSetAvailable", at(-2)
	}, annotate.Succeeded, "4/4", at(-2).Time)
	f("it does not get on", func(d *appsv1.Deployment) {
		d.Status.Conditions[1].Status, d.Status.Conditions[1].Reason, d.Status.Conditions[1].LastUpdateTime = corev1.ConditionFalse, "ProgressDeadlineExceeded", at(-1)
	}, annotate.Failed, "2/4", at(-1).Time)

	unobserved := web()
	unobserved.Generation++
	w, _ := workloadOf(unobserved)
	require.Empty(t, w.revision, "its controller has not looked at it")
	_, ok := workloadOf(&corev1.Pod{})
	require.False(t, ok)
}

func TestStatefulSets(t *testing.T) {
	f := func(name string, status appsv1.StatefulSetStatus, want annotate.Status, rollout string) {
		t.Helper()
		status.ObservedGeneration = 3
		w, _ := workloadOf(&appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Name: "db", UID: "77aa", Generation: 3},
			Spec:       appsv1.StatefulSetSpec{Replicas: new(int32(3)), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/version": "16.2"}}}},
			Status:     status,
		})
		r := w.report(Cluster{Name: "eu-1", Environment: "staging"}, now)
		require.Equal(t, []string{string(want), rollout, "statefulset/77aa/db-2", "16.2", "staging"}, []string{string(r.Status), r.Labels["rollout"], r.ExternalID, r.Version, r.Environment}, name)
	}
	f("in the middle", appsv1.StatefulSetStatus{CurrentRevision: "db-1", UpdateRevision: "db-2", UpdatedReplicas: 1, ReadyReplicas: 3}, annotate.Running, "1/3")
	f("over", appsv1.StatefulSetStatus{CurrentRevision: "db-2", UpdateRevision: "db-2", ReadyReplicas: 3}, annotate.Succeeded, "3/3")
	f("not ready yet", appsv1.StatefulSetStatus{CurrentRevision: "db-2", UpdateRevision: "db-2", ReadyReplicas: 2}, annotate.Running, "3/3")
}

func TestDaemonSets(t *testing.T) {
	f := func(name string, status appsv1.DaemonSetStatus, want annotate.Status, rollout string) {
		t.Helper()
		status.ObservedGeneration = 2
		w, _ := workloadOf(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "agent", UID: "90bc", Generation: 2, Annotations: map[string]string{daemonSetTemplate: "2"}}, Status: status})
		r := w.report(Cluster{Name: "eu-1"}, now)
		require.Equal(t, []string{string(want), rollout, "daemonset/90bc/2"}, []string{string(r.Status), r.Labels["rollout"], r.ExternalID}, name)
	}
	f("in the middle", appsv1.DaemonSetStatus{DesiredNumberScheduled: 5, UpdatedNumberScheduled: 2, NumberAvailable: 5}, annotate.Running, "2/5")
	f("over", appsv1.DaemonSetStatus{DesiredNumberScheduled: 5, UpdatedNumberScheduled: 5, NumberAvailable: 5}, annotate.Succeeded, "5/5")
}
