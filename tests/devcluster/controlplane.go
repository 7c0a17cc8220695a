package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

type runOptions struct {
	kubeconfig string
	node       bool
	upstream   string
	timeout    time.Duration
}

// run starts everything in order of dependency, waits for the end of ctx (or
// of any component) and stops everything in the opposite order.
func (c *cluster) run(ctx context.Context, o runOptions) (err error) {
	begin := time.Now()
	defer func() { err = errors.Join(err, c.close(o.node)) }()
	c.Upstream = o.upstream
	if err := errors.Join(c.save(), c.writePKI()); err != nil {
		return err
	}
	kubeconfig := c.path("admin.kubeconfig")
	if o.kubeconfig != "" {
		kubeconfig = o.kubeconfig
	}
	if err := c.writeKubeconfig(adminUser, kubeconfig); err != nil {
		return err
	}
	if err := os.MkdirAll(c.path("logs"), 0o755); err != nil {
		return err
	}
	removeSocketDir, err := c.makeSocketDir()
	if err != nil {
		return err
	}
	defer removeSocketDir()
	etcd, err := c.startEtcd()
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()

	var running []*component
	failed := make(chan error, 8)
	defer func() {
		for i := len(running) - 1; i >= 0; i-- {
			running[i].stop()
		}
	}()
	start := func(name string, args []string) error {
		p, err := c.startComponent(name, args, failed)
		if err == nil {
			running = append(running, p)
		}
		return err
	}
	wait := func(what string, ready func(context.Context, kubernetes.Interface) bool) error {
		return c.waitFor(ctx, begin.Add(o.timeout), failed, what, ready)
	}

	if err := start("kube-apiserver", c.apiserverArgs()); err != nil {
		return err
	}
	if err := wait("API server", func(ctx context.Context, k kubernetes.Interface) bool {
		_, err := k.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil
	}); err != nil {
		return err
	}
	apiReady := time.Since(begin)
	if err := errors.Join(
		start("kube-controller-manager", c.controllerManagerArgs()),
		start("kube-scheduler", c.schedulerArgs()),
	); err != nil {
		return err
	}
	if o.node {
		if err := start("node", []string{c.DataDir}); err != nil {
			return err
		}
		if err := wait("node", func(ctx context.Context, k kubernetes.Interface) bool {
			return nodeReady(ctx, k, begin)
		}); err != nil {
			return err
		}
	}
	nodeUp := time.Since(begin)
	if err := wait("default service account", func(ctx context.Context, k kubernetes.Interface) bool {
		_, err := k.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	}); err != nil {
		return err
	}
	fmt.Printf("ready after %.1fs (API server %.1fs, node %.1fs): %s KUBECONFIG=%s\n",
		time.Since(begin).Seconds(), apiReady.Seconds(), nodeUp.Seconds(), c.apiURL(), kubeconfig)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func (c *cluster) waitFor(ctx context.Context, deadline time.Time, failed <-chan error, what string,
	ready func(context.Context, kubernetes.Interface) bool) error {
	k, err := c.client(adminUser)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for !ready(ctx, k) {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (see %s)", what, ctx.Err(), c.path("logs"))
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

func (c *cluster) client(u user) (*kubernetes.Clientset, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig(u))
	if err != nil {
		return nil, err
	}
	cfg.QPS, cfg.Burst = 200, 400
	return kubernetes.NewForConfig(cfg)
}
