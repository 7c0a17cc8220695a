package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
)

// cri is the container runtime that the kubelet drives. Its state lives in
// memory: the pods' processes never outlive it.
type cri struct {
	cluster  *cluster
	streamer streaming.Server

	mu         sync.Mutex
	stopping   bool
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

func newCRI(c *cluster) (*cri, error) {
	r := &cri{cluster: c, sandboxes: map[string]*sandbox{}, containers: map[string]*container{}}
	removeMemoryCgroups(c.bridge() + "-")
	// Overlay upper directories need a file system of their own: one on the
	// root's file system would lie inside the overlay's lower directory.
	if err := os.MkdirAll(r.runDir(), 0o711); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", r.runDir(), "tmpfs", 0, "mode=0711"); err != nil {
		return nil, fmt.Errorf("tmpfs for containers: %w", err)
	}
	return r, r.startStreaming()
}

func (r *cri) runDir() string { return r.cluster.path("run") }

// shutdown ends all pods: SIGTERM, a short grace, SIGKILL.
func (r *cri) shutdown() {
	r.mu.Lock()
	r.stopping = true
	containers := slices.Collect(maps.Values(r.containers))
	sandboxes := slices.Collect(maps.Values(r.sandboxes))
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range containers {
		if c.cmd != nil {
			wg.Go(func() { c.stop(time.Second) })
		}
	}
	wg.Wait()
	for _, c := range containers {
		_ = c.remove()
	}
	for _, s := range sandboxes {
		s.stop()
	}
	_ = unix.Unmount(r.runDir(), unix.MNT_DETACH)
}

func newID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func (r *cri) sandbox(id string) (*sandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sandboxes[id]; s != nil {
		return s, nil
	}
	return nil, status.Errorf(codes.NotFound, "no pod sandbox %s", id)
}

func (r *cri) container(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.containers[id]; c != nil {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "no container %s", id)
}

func (r *cri) running(id string) (*container, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.state != runtimeapi.ContainerState_CONTAINER_RUNNING {
		return nil, fmt.Errorf("container %s is not running", id)
	}
	return c, nil
}
