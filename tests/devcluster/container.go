package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// container is one bubblewrap sandbox. Its root is an overlay of the host's
// root directory, so that the host is never written to and mount points can
// be created anywhere.
type container struct {
	id      string
	sandbox *sandbox
	config  *runtimeapi.ContainerConfig
	image   image
	imageID string
	dir     string
	cgroup  memoryCgroup
	log     *containerLog

	created, started, finished time.Time
	state                      runtimeapi.ContainerState
	exitCode                   int32
	reason, message            string

	cmd  *exec.Cmd
	pid  int           // host's view of the container's PID 1
	done chan struct{} // closed when the container has ended
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// rootCapabilities are what containers running as root keep, a subset of the
// container engines' defaults. Other users have none.
const rootCapabilities = "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+net_bind_service"

func (c *container) security() *runtimeapi.LinuxContainerSecurityContext {
	return c.config.GetLinux().GetSecurityContext()
}

func (c *container) rootfs() string { return filepath.Join(c.dir, "rootfs") }

func (c *container) uid() int64 {
	if u := c.security().GetRunAsUser(); u != nil {
		return u.Value
	}
	return c.image.UID
}

func (c *container) gid() int64 {
	if g := c.security().GetRunAsGroup(); g != nil {
		return g.Value
	}
	if c.security().GetRunAsUser() != nil {
		return 0 // as container engines do for a user that the image does not know
	}
	return c.image.UID
}

func (c *container) env() []string {
	env := []string{
		"PATH=" + filepath.Join(c.image.Prefix, "bin") + ":" + defaultPath,
		"HOSTNAME=" + c.sandbox.config.GetHostname(), "HOME=/",
	}
	for _, kv := range c.config.Envs {
		env = append(env, kv.Key+"="+string(kv.Value))
	}
	return env
}

func (c *container) workingDir() string {
	if c.config.WorkingDir != "" {
		return c.config.WorkingDir
	}
	return "/"
}

func (c *container) command() ([]string, error) {
	entrypoint := c.config.Command
	if len(entrypoint) == 0 {
		entrypoint = c.image.Entrypoint
	}
	if argv := slices.Concat(entrypoint, c.config.Args); len(argv) > 0 {
		return argv, nil
	}
	return nil, errors.New("no command specified: neither the pod nor the image has one")
}

// asUser prefixes argv with the switch to the container's user.
func (c *container) asUser(argv []string) []string {
	groups := []string{"--clear-groups"}
	if extra := c.security().GetSupplementalGroups(); len(extra) > 0 {
		names := make([]string, len(extra))
		for i, g := range extra {
			names[i] = strconv.FormatInt(g, 10)
		}
		groups = []string{"--groups", strings.Join(names, ",")}
	}
	return slices.Concat([]string{"/usr/bin/setpriv",
		fmt.Sprintf("--reuid=%d", c.uid()), fmt.Sprintf("--regid=%d", c.gid()),
		"--bounding-set=" + rootCapabilities, "--inh-caps=-all", "--no-new-privs"}, groups, []string{"--"}, argv)
}

// sandboxArgs is the whole command line: join the cgroup and the pod's
// network, build the file system with bwrap, become the user, run argv.
func (c *container) sandboxArgs(dataDir string, argv []string) ([]string, error) {
	args := c.cgroup.enter()
	if ns := c.sandbox.netnsPath(); ns != "" {
		args = append(args, "/usr/bin/nsenter", "--net="+ns, "--")
	}
	root := "--bind"
	if c.security().GetReadonlyRootfs() {
		root = "--ro-bind"
	}
	args = append(args, "bwrap", "--info-fd", "3", "--die-with-parent", "--as-pid-1",
		"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", c.sandbox.config.GetHostname(),
		"--cap-add", "ALL", // setpriv needs them to give them up
		root, c.rootfs(), "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/sys", "/sys",
		"--perms", "0700", "--tmpfs", dataDir, // keys and other pods' volumes
		"--ro-bind", c.image.Prefix, c.image.Prefix)

	mounts := slices.Clone(c.config.Mounts)
	if !slices.ContainsFunc(mounts, func(m *runtimeapi.Mount) bool { return m.ContainerPath == "/etc/resolv.conf" }) {
		mounts = append(mounts, &runtimeapi.Mount{ContainerPath: "/etc/resolv.conf", HostPath: c.sandbox.resolvConf(), Readonly: true})
	}
	slices.SortStableFunc(mounts, func(a, b *runtimeapi.Mount) int { return len(a.ContainerPath) - len(b.ContainerPath) })
	for _, m := range mounts {
		target, err := c.mountPoint(m)
		if err != nil {
			return nil, fmt.Errorf("mount point %s: %w", m.ContainerPath, err)
		}
		if m.Readonly {
			args = append(args, "--ro-bind", m.HostPath, target)
		} else {
			args = append(args, "--bind", m.HostPath, target)
		}
	}
	args = append(args, "--chdir", c.workingDir(), "--")
	return append(args, c.asUser(argv)...), nil
}

// start runs the container and returns once its process exists; onExit is
// called when it has ended.
func (c *container) start(dataDir string, onExit func()) error {
	argv, err := c.command()
	if err != nil {
		return err
	}
	if err := c.mountRoot(dataDir, c.image.Prefix); err != nil {
		return err
	}
	if err := c.cgroup.create(c.config.GetLinux().GetResources().GetMemoryLimitInBytes()); err != nil {
		return err
	}
	args, err := c.sandboxArgs(dataDir, argv)
	if err != nil {
		return err
	}
	if c.log, err = openContainerLog(filepath.Join(c.sandbox.config.LogDirectory, c.config.LogPath)); err != nil {
		return err
	}
	infoR, infoW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer infoR.Close()
	c.cmd = exec.Command(args[0], args[1:]...)
	c.cmd.Env = c.env()
	c.cmd.Stdout, c.cmd.Stderr = c.log.stream("stdout"), c.log.stream("stderr")
	c.cmd.ExtraFiles = []*os.File{infoW}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	c.cmd.WaitDelay = time.Second
	if err := c.cmd.Start(); err != nil {
		infoW.Close()
		return err
	}
	infoW.Close()
	var info struct {
		PID int `json:"child-pid"`
	}
	b, _ := io.ReadAll(infoR)
	if err := json.Unmarshal(b, &info); err != nil || info.PID == 0 {
		_ = c.cmd.Wait()
		return fmt.Errorf("sandbox did not start: %s", c.log.tail())
	}
	c.pid = info.PID
	go func() {
		c.wait()
		onExit()
		close(c.done)
	}()
	return nil
}

func (c *container) wait() {
	_ = c.cmd.Wait()
	c.log.flush()
	code := c.cmd.ProcessState.ExitCode()
	if code < 0 { // bwrap itself was killed
		code = 128 + int(syscall.SIGKILL)
	}
	c.exitCode = int32(code)
	switch {
	case c.cgroup.oomKilled():
		c.reason = "OOMKilled"
	case code == 0:
		c.reason = "Completed"
	default:
		c.reason = "Error"
	}
}

func (c *container) kill(sig syscall.Signal) {
	select {
	case <-c.done:
	default:
		if c.pid != 0 {
			_ = syscall.Kill(c.pid, sig)
		}
	}
}

func (c *container) stop(grace time.Duration) {
	if grace > 0 {
		c.kill(syscall.SIGTERM)
		select {
		case <-c.done:
			return
		case <-time.After(grace):
		}
	}
	c.kill(syscall.SIGKILL)
	<-c.done
}

func (c *container) remove() error {
	_ = unix.Unmount(c.rootfs(), unix.MNT_DETACH)
	c.cgroup.remove()
	return os.RemoveAll(c.dir)
}
