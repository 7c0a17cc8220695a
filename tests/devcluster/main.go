// Command devcluster runs a complete Kubernetes cluster for end-to-end tests
// on a Linux machine without any container engine: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and one node whose kubelet is the
// real one and whose containers are bubblewrap sandboxes on the host's own
// file system.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `usage:
  devcluster up    --data-dir DIR [--kubeconfig FILE] [--port N] [--no-node]
                   [--image REF=PREFIX[,ENTRYPOINT...]]... [--dns NAME=ADDRESS[,ADDRESS...]]... [--dns-upstream ADDRESS:PORT]
  devcluster down  --data-dir DIR [--delete]
  devcluster image --data-dir DIR REF=PREFIX[,ENTRYPOINT...]...
  devcluster dns   --data-dir DIR NAME=ADDRESS[,ADDRESS...]...      (NAME= removes the name; NAME=HOST:PORT is an SRV record)
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var err error
	switch args := os.Args[2:]; os.Args[1] {
	case "up":
		err = up(args)
	case "down":
		err = down(args)
	case "image":
		err = record("image", args, func(c *cluster, spec string) error { return c.images().add(spec) })
	case "dns":
		err = record("dns", args, func(c *cluster, spec string) error { return c.names().add(spec) })
	case componentCommand: // hidden: one cluster component, re-executed by "up"
		err = runComponent(args)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}

// stringList is a flag that may be repeated.
type stringList []string

func (l *stringList) String() string     { return strings.Join(*l, " ") }
func (l *stringList) Set(s string) error { *l = append(*l, s); return nil }

func up(args []string) error {
	var (
		fs         = flag.NewFlagSet("up", flag.ExitOnError)
		dataDir    = fs.String("data-dir", "", "directory for all of the cluster's state (required)")
		kubeconfig = fs.String("kubeconfig", "", "where to write the admin kubeconfig (default DATA-DIR/admin.kubeconfig)")
		port       = fs.Int("port", 0, "API server port on 127.0.0.1 (default: any free one)")
		noNode     = fs.Bool("no-node", false, "run the control plane only; needs no privileges")
		timeout    = fs.Duration("timeout", 2*time.Minute, "how long start-up may take")
		upstream   = fs.String("dns-upstream", "", "ADDRESS:PORT of a DNS server for names outside the cluster (default: there are none)")
		images     stringList
		names      stringList
	)
	fs.Var(&images, "image", "image served by the node, as REF=PREFIX[,ENTRYPOINT...]; repeatable")
	fs.Var(&names, "dns", "name that pods can resolve, as NAME=ADDRESS[,ADDRESS...]; repeatable")
	_ = fs.Parse(args)

	if !*noNode {
		if err := checkHost(); err != nil {
			return err
		}
	}
	c, err := openCluster(*dataDir, *port, !*noNode)
	if err != nil {
		return err
	}
	for _, spec := range images {
		err = errors.Join(err, c.images().add(spec))
	}
	for _, spec := range names {
		err = errors.Join(err, c.names().add(spec))
	}
	if err != nil {
		return errors.Join(err, c.close(!*noNode))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return c.run(ctx, runOptions{kubeconfig: *kubeconfig, node: !*noNode, upstream: *upstream, timeout: *timeout})
}

// down stops the "up" process that owns a data directory and waits for it.
func down(args []string) error {
	fs := flag.NewFlagSet("down", flag.ExitOnError)
	dataDir := fs.String("data-dir", "", "the cluster's data directory (required)")
	remove := fs.Bool("delete", false, "remove the data directory afterwards")
	_ = fs.Parse(args)
	if *dataDir == "" {
		return errors.New("--data-dir is required")
	}
	if err := stopOwner(*dataDir, time.Minute); err != nil {
		return err
	}
	if *remove {
		return os.RemoveAll(*dataDir)
	}
	return nil
}

// record adds what the other arguments say to a cluster, running or not.
func record(command string, args []string, add func(c *cluster, spec string) error) error {
	fs := flag.NewFlagSet(command, flag.ExitOnError)
	dataDir := fs.String("data-dir", "", "the cluster's data directory (required)")
	_ = fs.Parse(args)
	c, err := loadCluster(*dataDir)
	if err != nil {
		return err
	}
	for _, spec := range fs.Args() {
		if err := add(c, spec); err != nil {
			return err
		}
	}
	return nil
}
