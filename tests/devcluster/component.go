package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kubecontrollermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const (
	componentCommand = "component"
	stopGrace        = 15 * time.Second
)

// rareCollection trades memory for time: a small cluster's heap is little more
// than schemas, and the API server spends a quarter of its time looking through
// them for garbage. No limit of memory beside it: a heap that comes near to one
// is looked through without end. What the environment says wins.
const rareCollection = "GOGC=200"

// component is a child process running one part of the cluster. Every part
// has a process of its own because they share package-level state (flags,
// feature gates, metrics) that admits only one of them per process.
type component struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

func (c *cluster) startComponent(name string, args []string, failed chan<- error) (*component, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(c.path("logs", name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &component{name: name, done: make(chan struct{})}
	p.cmd = exec.Command(self, append([]string{componentCommand, name}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append([]string{rareCollection}, os.Environ()...)
	// Own process group: Ctrl-C reaches only the parent, which stops the
	// children in order. If the parent is killed, they die with it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if name == "node" {
		// Mounts made by the node stay invisible to the host and vanish with it.
		p.cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		err := p.cmd.Wait()
		close(p.done)
		failed <- fmt.Errorf("%s ended: %v (see %s)", name, err, log.Name())
	}()
	return p, nil
}

func (p *component) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// runComponent is the entry point of the child processes.
func runComponent(args []string) error {
	if len(args) == 0 {
		return errors.New("no component named")
	}
	var cmd *cobra.Command
	switch args[0] {
	case "kube-apiserver":
		cmd = kubeapiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		cmd = kubecontrollermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		cmd = kubescheduler.NewSchedulerCommand()
	case "node":
		return runNode(args[1])
	case tryCommand:
		return runSandboxTrial()
	default:
		return fmt.Errorf("unknown component %q", args[0])
	}
	cmd.SetArgs(args[1:])
	os.Exit(cli.Run(cmd))
	return nil
}
