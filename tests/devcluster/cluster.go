package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	nodeName      = "devnode"
	clusterDomain = "cluster.local"
	kubeletPort   = 10250
	maxClusters   = 256 // one /24 of pods and one of services each
)

// cluster is what the components need to know of each other. It is stored in
// the data directory so that a cluster keeps its addresses over restarts.
type cluster struct {
	DataDir  string
	Upstream string // DNS server for names outside the cluster, or empty
	Index    int    // selects the bridge and the two /24 networks
	APIPort  int
	PeerPort int

	etcdSocket string
}

func (c *cluster) path(elem ...string) string {
	return filepath.Join(append([]string{c.DataDir}, elem...)...)
}
func (c *cluster) podCIDR() string     { return fmt.Sprintf("10.244.%d.0/24", c.Index) }
func (c *cluster) serviceCIDR() string { return fmt.Sprintf("10.96.%d.0/24", c.Index) }
func (c *cluster) nodeIP() net.IP      { return net.IPv4(10, 244, byte(c.Index), 1) }
func (c *cluster) podIP(n int) net.IP  { return net.IPv4(10, 244, byte(c.Index), byte(n)) }
func (c *cluster) kubernetesIP() net.IP {
	return net.IPv4(10, 96, byte(c.Index), 1)
}
func (c *cluster) dnsIP() net.IP            { return net.IPv4(10, 96, byte(c.Index), 10) }
func (c *cluster) bridge() string           { return fmt.Sprintf("%s%d", bridgePrefix, c.Index) }
func (c *cluster) apiURL() string           { return fmt.Sprintf("https://127.0.0.1:%d", c.APIPort) }
func (c *cluster) images() imageStore       { return imageStore{records[image]{c.path("images.json")}} }
func (c *cluster) names() nameStore         { return nameStore{records[[]string]{c.path("dns.json")}} }
func (c *cluster) kubeconfig(u user) string { return c.path("pki", u.name+".kubeconfig") }

func loadCluster(dataDir string) (*cluster, error) {
	if dataDir == "" {
		return nil, errors.New("--data-dir is required")
	}
	b, err := os.ReadFile(filepath.Join(dataDir, "cluster.json"))
	if err != nil {
		return nil, err
	}
	c := new(cluster)
	return c, json.Unmarshal(b, c)
}

// openCluster claims a data directory and, for a node, a network for this
// process. Without a node it needs no privileges.
func openCluster(dataDir string, port int, node bool) (*cluster, error) {
	if dataDir == "" {
		return nil, errors.New("--data-dir is required")
	}
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dataDir, 0o711); err != nil {
		return nil, err
	}
	if pid := owner(dataDir); pid != 0 {
		return nil, fmt.Errorf("%s is in use by process %d", dataDir, pid)
	}
	c, err := loadCluster(dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		c = &cluster{Index: -1}
	} else if err != nil {
		return nil, err
	}
	c.DataDir = dataDir
	if err := os.WriteFile(c.path("pid"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return nil, err
	}
	if node {
		if err := c.claimBridge(); err != nil {
			return nil, errors.Join(err, os.Remove(c.path("pid")))
		}
	} else {
		if c.Index < 0 {
			c.Index = preferredIndex(dataDir) // nothing listens on the addresses
		}
	}
	if err := errors.Join(c.choosePorts(port), c.save()); err != nil {
		return nil, errors.Join(err, c.close(node))
	}
	return c, nil
}

// choosePorts keeps a restarted cluster's ports where that is possible:
// kubeconfig files and etcd's member list name them.
func (c *cluster) choosePorts(api int) (err error) {
	for _, p := range []*int{&c.APIPort, &c.PeerPort} {
		if p == &c.APIPort && api != 0 {
			*p = api
		} else if *p, err = freePort(*p); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) save() error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("cluster.json"), b, 0o644)
}

// close gives back what openCluster claimed.
func (c *cluster) close(node bool) (err error) {
	if node {
		err = c.releaseBridge()
	}
	return errors.Join(err, os.Remove(c.path("pid")))
}

// freePort returns want if it is free, or else any free port.
func freePort(want int) (int, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", want))
	if err != nil && want != 0 {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// owner returns the process that runs the cluster in dataDir, or 0.
func owner(dataDir string) int {
	b, err := os.ReadFile(filepath.Join(dataDir, "pid"))
	if err != nil {
		return 0
	}
	if pid, _ := strconv.Atoi(strings.TrimSpace(string(b))); alive(pid) {
		return pid
	}
	return 0
}

// alive reports whether pid is another running devcluster.
func alive(pid int) bool {
	if pid <= 0 || pid == os.Getpid() {
		return false
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(cmdline), "--data-dir")
}

func stopOwner(dataDir string, timeout time.Duration) error {
	pid := owner(dataDir)
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for deadline := time.Now().Add(timeout); alive(pid); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d did not stop within %s", pid, timeout)
		}
	}
	return nil
}
