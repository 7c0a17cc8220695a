package main

import (
	"context"
	"errors"
	"os"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Pod sandboxes.

func (r *cri) RunPodSandbox(_ context.Context, config *runtimeapi.PodSandboxConfig, _ string) (string, error) {
	s := &sandbox{id: newID(), config: config, created: time.Now()}
	s.dir = r.runDir() + "/" + s.id
	s.host = s.namespaces().GetNetwork() == runtimeapi.NamespaceMode_NODE
	r.mu.Lock()
	n, err := r.freeAddress()
	if err == nil {
		s.ip = r.cluster.podIP(n)
		r.sandboxes[s.id] = s // reserves the address
	}
	r.mu.Unlock()
	if err != nil {
		return "", err
	}
	if err := s.start(r.cluster, s.ip); err != nil {
		_ = r.RemovePodSandbox(context.Background(), s.id)
		return "", err
	}
	r.mu.Lock()
	s.ready = true
	r.mu.Unlock()
	return s.id, nil
}

// freeAddress returns the last octet of a pod address that is not in use.
func (r *cri) freeAddress() (int, error) {
	used := map[byte]bool{}
	for _, s := range r.sandboxes {
		if !s.host {
			used[s.ip.To4()[3]] = true
		}
	}
	for n := 2; n < 255; n++ {
		if !used[byte(n)] {
			return n, nil
		}
	}
	return 0, errors.New("no free pod address")
}

func (r *cri) StopPodSandbox(ctx context.Context, id string) error {
	s, err := r.sandbox(id)
	if err != nil {
		return nil //nolint:nilerr // stopping is idempotent
	}
	for _, c := range r.containersOf(id) {
		_ = r.StopContainer(ctx, c.id, 0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.stop()
	return nil
}

func (r *cri) RemovePodSandbox(ctx context.Context, id string) error {
	s, err := r.sandbox(id)
	if err != nil {
		return nil //nolint:nilerr // removing is idempotent
	}
	if err := r.StopPodSandbox(ctx, id); err != nil {
		return err
	}
	for _, c := range r.containersOf(id) {
		if err := r.RemoveContainer(ctx, c.id); err != nil {
			return err
		}
	}
	r.mu.Lock()
	delete(r.sandboxes, id)
	r.mu.Unlock()
	return os.RemoveAll(s.dir)
}

func (r *cri) containersOf(sandboxID string) []*container {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*container
	for _, c := range r.containers {
		if c.sandbox.id == sandboxID {
			list = append(list, c)
		}
	}
	return list
}

func (s *sandbox) state() runtimeapi.PodSandboxState {
	if s.ready {
		return runtimeapi.PodSandboxState_SANDBOX_READY
	}
	return runtimeapi.PodSandboxState_SANDBOX_NOTREADY
}

func (r *cri) PodSandboxStatus(_ context.Context, id string, _ bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	s, err := r.sandbox(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id: s.id, Metadata: s.config.Metadata, State: s.state(), CreatedAt: s.created.UnixNano(),
		Network: &runtimeapi.PodSandboxNetworkStatus{Ip: s.ip.String()},
		Linux:   &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{Options: s.namespaces()}},
		Labels:  s.config.Labels, Annotations: s.config.Annotations,
	}}, nil
}

func (r *cri) ListPodSandbox(_ context.Context, f *runtimeapi.PodSandboxFilter) ([]*runtimeapi.PodSandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*runtimeapi.PodSandbox
	for _, s := range r.sandboxes {
		if f.GetId() != "" && f.Id != s.id || f.GetState() != nil && f.State.State != s.state() ||
			!selects(f.GetLabelSelector(), s.config.Labels) {
			continue
		}
		list = append(list, &runtimeapi.PodSandbox{
			Id: s.id, Metadata: s.config.Metadata, State: s.state(), CreatedAt: s.created.UnixNano(),
			Labels: s.config.Labels, Annotations: s.config.Annotations,
		})
	}
	return list, nil
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}
