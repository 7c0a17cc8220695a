package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// makeSocketDir makes a directory of our own for etcd's socket, and returns
// what removes it. It is not in the data directory, whose path may be longer
// than the 107 octets that a socket's may have.
func (c *cluster) makeSocketDir() (remove func(), err error) {
	removeSocketDirsLeftBehind()
	dir, err := os.MkdirTemp("", fmt.Sprintf("devcluster-%d-", os.Getpid()))
	c.etcdSocket = filepath.Join(dir, "etcd.sock")
	return func() { _ = os.RemoveAll(dir) }, err
}

// socketDir is the name of such a directory; it tells whose it is.
var socketDir = regexp.MustCompile(`^devcluster-(\d+)-\d+$`)

// removeSocketDirsLeftBehind removes those of clusters that were killed.
func removeSocketDirsLeftBehind() {
	entries, _ := os.ReadDir(os.TempDir())
	for _, e := range entries {
		if m := socketDir.FindStringSubmatch(e.Name()); m != nil {
			if pid, err := strconv.Atoi(m[1]); err == nil && !alive(pid) {
				_ = os.RemoveAll(filepath.Join(os.TempDir(), e.Name()))
			}
		}
	}
}

// startEtcd serves the API server alone, which runs as the same user: a socket
// that nobody else can open does without TLS, a third of etcd's CPU time.
func (c *cluster) startEtcd() (*embed.Etcd, error) {
	peers := []url.URL{{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", c.PeerPort)}}
	cfg := embed.NewConfig()
	cfg.Dir = c.path("etcd")
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Path: c.etcdSocket}}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peers, peers
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.TickMs, cfg.ElectionMs = 20, 200 // a single member elects itself at once
	cfg.UnsafeNoFsync = true             // test data only
	cfg.LogLevel = "warn"
	cfg.LogOutputs = []string{c.path("logs", "etcd.log")}
	cfg.PeerTLSInfo.CertFile, cfg.PeerTLSInfo.KeyFile = c.path("pki", "etcd.crt"), c.path("pki", "etcd.key")
	cfg.PeerTLSInfo.TrustedCAFile, cfg.PeerTLSInfo.ClientCertAuth = c.path("pki", "ca.crt"), true
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, err
	case <-time.After(30 * time.Second):
		etcd.Close()
		return nil, errors.New("not ready after 30s")
	}
}
