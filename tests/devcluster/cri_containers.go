package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	criclient "k8s.io/cri-client/pkg"
)

// Containers.

func (r *cri) CreateContainer(ctx context.Context, sandboxID string, config *runtimeapi.ContainerConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	s, err := r.sandbox(sandboxID)
	if err != nil {
		return "", err
	}
	st, err := r.cluster.images().ImageStatus(ctx, config.Image, false)
	if err != nil {
		return "", err
	}
	if st.Image == nil {
		return "", fmt.Errorf("image %q is not present", config.Image.GetImage())
	}
	img, err := r.cluster.images().lookup(st.Image.RepoTags[0])
	if err != nil {
		return "", err
	}
	c := &container{
		id: newID(), sandbox: s, config: config, image: img, imageID: st.Image.Id,
		created: time.Now(), done: make(chan struct{}),
	}
	c.dir = r.runDir() + "/" + c.id
	c.cgroup = newMemoryCgroup(r.cluster.bridge() + "-" + c.id[:12])
	r.mu.Lock()
	r.containers[c.id] = c
	r.mu.Unlock()
	return c.id, nil
}

func (r *cri) StartContainer(_ context.Context, id string) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	stopping := r.stopping
	c.started = time.Now()
	r.mu.Unlock()
	if stopping {
		return errors.New("the node is shutting down")
	}
	if err := c.start(r.cluster.DataDir, func() { r.exited(c) }); err != nil {
		c.exitCode, c.reason, c.message = 128, "StartError", err.Error()
		r.exited(c)
		close(c.done)
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.state == runtimeapi.ContainerState_CONTAINER_CREATED { // it may have ended already
		c.state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return nil
}

func (r *cri) exited(c *container) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.state, c.finished = runtimeapi.ContainerState_CONTAINER_EXITED, time.Now()
}

func (r *cri) StopContainer(_ context.Context, id string, timeout int64) error {
	c, err := r.running(id)
	if err != nil {
		return nil //nolint:nilerr // stopping is idempotent
	}
	c.stop(time.Duration(timeout) * time.Second)
	return nil
}

func (r *cri) RemoveContainer(ctx context.Context, id string) error {
	c, err := r.container(id)
	if err != nil {
		return nil //nolint:nilerr // removing is idempotent
	}
	if err := r.StopContainer(ctx, id, 0); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.containers, id)
	r.mu.Unlock()
	return c.remove()
}

func (r *cri) ListContainers(_ context.Context, f *runtimeapi.ContainerFilter) ([]*runtimeapi.Container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*runtimeapi.Container
	for _, c := range r.containers {
		if f.GetId() != "" && f.Id != c.id || f.GetPodSandboxId() != "" && f.PodSandboxId != c.sandbox.id ||
			f.GetState() != nil && f.State.State != c.state || !selects(f.GetLabelSelector(), c.config.Labels) {
			continue
		}
		list = append(list, &runtimeapi.Container{
			Id: c.id, PodSandboxId: c.sandbox.id, Metadata: c.config.Metadata, Image: c.config.Image,
			ImageRef: c.imageID, ImageId: c.imageID, State: c.state, CreatedAt: c.created.UnixNano(),
			Labels: c.config.Labels, Annotations: c.config.Annotations,
		})
	}
	return list, nil
}

func (r *cri) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	c, err := r.container(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &runtimeapi.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state, CreatedAt: c.created.UnixNano(),
		Image: c.config.Image, ImageRef: c.imageID, ImageId: c.imageID,
		Labels: c.config.Labels, Annotations: c.config.Annotations, Mounts: c.config.Mounts,
		LogPath: c.sandbox.config.LogDirectory + "/" + c.config.LogPath,
	}
	if !c.started.IsZero() {
		st.StartedAt = c.started.UnixNano()
	}
	if c.state == runtimeapi.ContainerState_CONTAINER_EXITED {
		st.FinishedAt, st.ExitCode, st.Reason, st.Message = c.finished.UnixNano(), c.exitCode, c.reason, c.message
	}
	return &runtimeapi.ContainerStatusResponse{Status: st}, nil
}

// ExecSync runs probes and lifecycle hooks.
func (r *cri) ExecSync(ctx context.Context, id string, argv []string, timeout time.Duration) ([]byte, []byte, error) {
	c, err := r.running(id)
	if err != nil {
		return nil, nil, err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var stdout, stderr bytes.Buffer
	cmd := c.execCommand(ctx, argv)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %q timed out after %s", criclient.ErrCommandTimedOut, strings.Join(argv, " "), timeout)
	}
	return stdout.Bytes(), stderr.Bytes(), exitError(err)
}

func (r *cri) ReopenContainerLog(_ context.Context, id string) error {
	c, err := r.running(id)
	if err != nil {
		return err
	}
	return c.log.reopen()
}
