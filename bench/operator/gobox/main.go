// The smallest controller that does what the race asks for: controller-runtime, a cached unstructured object and one
// server-side-apply status write per generation, or per token of a refresh.
// Arguments: workers, requests a second (-1: no limit of the client's own), the kind (group, version, name), and the
// types of the conditions to write.
package main

import (
	"context"
	"os"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const asksForRefresh = "mailbox-operator.io/reconcile-at"

var (
	gvk        schema.GroupVersionKind
	conditions []string
)

func object() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u
}

type reconciler struct{ client client.Client }

func (r reconciler) Reconcile(ctx context.Context, q ctrl.Request) (ctrl.Result, error) {
	o := object()
	if err := r.client.Get(ctx, q.NamespacedName, o); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	g, token := o.GetGeneration(), o.GetAnnotations()[asksForRefresh]
	seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	handled, _, _ := unstructured.NestedString(o.Object, "status", "lastHandledReconcileAt")
	if seen == g && handled == token {
		return ctrl.Result{}, nil
	}
	now := time.Now().UTC().Format(time.RFC3339)
	var cs []any
	for _, t := range conditions {
		cs = append(cs, map[string]any{
			"type": t, "status": "True", "reason": "Succeeded", "message": "Nothing is wrong here",
			"lastTransitionTime": now, "observedGeneration": g,
		})
	}
	p := object()
	p.SetName(q.Name)
	p.SetNamespace(q.Namespace)
	status := map[string]any{"observedGeneration": g, "conditions": cs}
	if token != "" {
		status["lastHandledReconcileAt"] = token
	}
	p.Object["status"] = status
	return ctrl.Result{}, r.client.Status().Patch(ctx, p, client.Apply, client.FieldOwner("bench"), client.ForceOwnership)
}

func main() {
	ctrl.SetLogger(zap.New())
	workers, _ := strconv.Atoi(os.Args[1])
	qps, _ := strconv.ParseFloat(os.Args[2], 32)
	gvk = schema.GroupVersionKind{Group: os.Args[3], Version: os.Args[4], Kind: os.Args[5]}
	conditions = os.Args[6:]
	cfg := ctrl.GetConfigOrDie()
	cfg.QPS = float32(qps)
	if qps > 0 {
		cfg.Burst = int(2 * qps)
	}
	m, err := ctrl.NewManager(cfg, ctrl.Options{
		Metrics: server.Options{BindAddress: "0"},
		Client:  client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{os.Getenv("BENCH_NS"): {}}},
	})
	if err != nil {
		panic(err)
	}
	o := controller.Options{MaxConcurrentReconciles: workers}
	if err = ctrl.NewControllerManagedBy(m).For(object()).WithOptions(o).Complete(reconciler{m.GetClient()}); err != nil {
		panic(err)
	}
	if err = m.Start(ctrl.SetupSignalHandler()); err != nil {
		panic(err)
	}
}
