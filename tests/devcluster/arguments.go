package main

import (
	"fmt"
)

func (c *cluster) apiserverArgs() []string {
	pki := func(name string) string { return c.path("pki", name) }
	return []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.APIPort),
		// The node forwards this address and port to the loopback listener.
		"--advertise-address=" + c.nodeIP().String(),
		"--service-cluster-ip-range=" + c.serviceCIDR(),
		"--etcd-servers=unix://" + c.etcdSocket,
		"--client-ca-file=" + pki("ca.crt"),
		"--tls-cert-file=" + pki("apiserver.crt"),
		"--tls-private-key-file=" + pki("apiserver.key"),
		"--kubelet-certificate-authority=" + pki("ca.crt"),
		"--kubelet-client-certificate=" + pki("apiserver-client.crt"),
		"--kubelet-client-key=" + pki("apiserver-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc." + clusterDomain,
		"--service-account-signing-key-file=" + pki("sa.key"),
		"--service-account-key-file=" + pki("sa.key"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--profiling=false",
	}
}

func (c *cluster) controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + c.kubeconfig(kcmUser),
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + c.path("pki", "sa.key"),
		"--root-ca-file=" + c.path("pki", "ca.crt"),
		"--cluster-signing-cert-file=" + c.path("pki", "ca.crt"),
		"--cluster-signing-key-file=" + c.path("pki", "ca.key"),
		"--service-cluster-ip-range=" + c.serviceCIDR(),
		"--cluster-cidr=" + c.podCIDR(),
		// The default of 20 requests per second makes a fresh start take seconds more.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--allocate-node-cidrs=true",
		"--node-cidr-mask-size=24",
		"--profiling=false",
	}
}

func (c *cluster) schedulerArgs() []string {
	return []string{
		"--kubeconfig=" + c.kubeconfig(schedulerUser),
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
	}
}
