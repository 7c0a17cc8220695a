package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// mountPoint creates the target of a mount in the overlay and returns its
// path with symbolic links (such as /var/run) resolved inside the container.
func (c *container) mountPoint(m *runtimeapi.Mount) (string, error) {
	target, err := securejoin.SecureJoin(c.rootfs(), m.ContainerPath)
	if err != nil {
		return "", err
	}
	inside := "/" + strings.TrimPrefix(strings.TrimPrefix(target, c.rootfs()), "/")
	source, err := os.Stat(m.HostPath)
	if err != nil {
		return "", err
	}
	if source.IsDir() {
		return inside, os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	f, err := os.OpenFile(target, os.O_CREATE, 0o644)
	if err != nil {
		return "", err
	}
	return inside, f.Close()
}

// mountRoot mounts the overlay and creates the mount points that bwrap could
// not create in a read-only root, or would create for root only.
func (c *container) mountRoot(mountPoints ...string) error {
	upper, work := filepath.Join(c.dir, "upper"), filepath.Join(c.dir, "work")
	for _, d := range []string{upper, work, c.rootfs()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	// The host's /tmp and /run are hidden: an opaque directory replaces the
	// one below it.
	for dir, mode := range map[string]os.FileMode{"tmp": 0o777 | os.ModeSticky, "run": 0o755} {
		dir = filepath.Join(upper, dir)
		if err := errors.Join(os.Mkdir(dir, mode), os.Chmod(dir, mode),
			unix.Setxattr(dir, "trusted.overlay.opaque", []byte("y"), 0)); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", c.rootfs(), "overlay", 0, overlayOptions("/", upper, work)); err != nil {
		return fmt.Errorf("overlay of the host's root: %w", err)
	}
	for _, p := range mountPoints {
		if err := os.MkdirAll(filepath.Join(c.rootfs(), p), 0o755); err != nil {
			return err
		}
	}
	return c.openPath(append(c.image.interpreters(), c.image.Prefix)...)
}

func overlayOptions(lower, upper, work string) string {
	return fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
}

// openPath lets every user pass the directories above the given paths, in the
// overlay only: an interpreter may live in a home directory such as /root.
func (c *container) openPath(paths ...string) error {
	for _, p := range paths {
		for dir := filepath.Dir(p); dir != "/"; dir = filepath.Dir(dir) {
			inside := filepath.Join(c.rootfs(), dir)
			info, err := os.Stat(inside)
			if err != nil {
				return err
			}
			if mode := info.Mode().Perm(); mode&0o011 != 0o011 {
				if err := os.Chmod(inside, mode|0o011); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
