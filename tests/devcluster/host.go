package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	tryCommand  = "try-sandbox"
	alternative = `A control plane without a node needs none of this ("--no-node"); CLUSTER=current has the project's tests use the cluster of your kubeconfig.`
)

// packages names the Debian package of each command that a node runs.
var packages = map[string]string{"bwrap": "bubblewrap", "nsenter": "util-linux", "setpriv": "util-linux", "sleep": "coreutils"}

// checkHost says at once, and all of it, what a node lacks on this machine.
func checkHost() error {
	var lacking []string
	if os.Geteuid() != 0 {
		lacking = append(lacking, "root: pods get network interfaces and mounts (run it with sudo)")
	}
	var install []string
	for command, name := range packages {
		if _, err := exec.LookPath(command); err != nil && !slices.Contains(install, name) {
			install = append(install, name)
		}
	}
	if len(install) > 0 {
		slices.Sort(install)
		lacking = append(lacking, "commands: apt-get install -y "+strings.Join(install, " "))
	}
	if len(lacking) == 0 {
		if said := trySandbox(); said != "" {
			lacking = append(lacking, said)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("a node cannot run here, it lacks\n  - %s\n%s", strings.Join(lacking, "\n  - "), alternative)
}

// trySandbox starts one empty container, as every later one is started, in a
// mount namespace of its own.
func trySandbox() string {
	self, err := os.Executable()
	if err != nil {
		return err.Error()
	}
	cmd := exec.Command(self, componentCommand, tryCommand)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	if out, err := cmd.CombinedOutput(); err != nil {
		said := strings.TrimSpace(strings.TrimPrefix(string(out), "devcluster: "))
		if said == "" { // not even the namespaces
			said = fmt.Sprintf("the capability to make namespaces (CAP_SYS_ADMIN): %v", err)
		}
		return said
	}
	return ""
}

// runSandboxTrial is the body of trySandbox; it is in namespaces of its own.
func runSandboxTrial() error {
	dir, err := os.MkdirTemp("", "devcluster-try-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0711"); err != nil {
		return fmt.Errorf("the capability to mount (CAP_SYS_ADMIN; in a container: --privileged): %w", err)
	}
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	root := filepath.Join(dir, "root")
	for _, d := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", root, "overlay", 0, overlayOptions("/", filepath.Join(dir, "upper"), filepath.Join(dir, "work"))); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("overlayfs in the kernel (modprobe overlay): %w", err)
		}
		return fmt.Errorf("an overlay mount over the root directory: %w", err)
	}
	cmd := exec.Command("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-add", "ALL", "--bind", root, "/",
		"--dev", "/dev", "--proc", "/proc", "--", "setpriv", "--reuid=65532", "--regid=65532", "--clear-groups",
		"--bounding-set="+rootCapabilities, "--inh-caps=-all", "--no-new-privs", "--", "true")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("a sandbox that starts (in a container: --privileged): %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
