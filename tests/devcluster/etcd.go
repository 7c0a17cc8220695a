package main

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

func (c *cluster) startEtcd() (*embed.Etcd, error) {
	endpoint := func(port int) []url.URL {
		return []url.URL{{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	cfg := embed.NewConfig()
	cfg.Dir = c.path("etcd")
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = endpoint(c.EtcdPort), endpoint(c.EtcdPort)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = endpoint(c.PeerPort), endpoint(c.PeerPort)
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.TickMs, cfg.ElectionMs = 20, 200 // a single member elects itself at once
	cfg.UnsafeNoFsync = true             // test data only
	cfg.LogLevel = "warn"
	cfg.LogOutputs = []string{c.path("logs", "etcd.log")}
	for _, tls := range []*transport.TLSInfo{&cfg.ClientTLSInfo, &cfg.PeerTLSInfo} {
		tls.CertFile, tls.KeyFile = c.path("pki", "etcd.crt"), c.path("pki", "etcd.key")
		tls.TrustedCAFile, tls.ClientCertAuth = c.path("pki", "ca.crt"), true
	}
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
