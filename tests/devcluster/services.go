package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

// services makes Services work without kube-proxy and CoreDNS: every service
// address is local to the machine (see routeServices), so a plain listener
// per service port forwards TCP to the endpoints, and a small DNS server
// answers the cluster's names.
type services struct {
	cluster   *cluster
	services  corelisters.ServiceLister
	endpoints discoverylisters.EndpointSliceLister

	mu        sync.Mutex
	listeners map[string]net.Listener // by "ip:port"
}

func startServices(ctx context.Context, c *cluster, client kubernetes.Interface) error {
	// The address that the API server advertises leads to its loopback port.
	api, err := net.Listen("tcp", fmt.Sprintf("%s:%d", c.nodeIP(), c.APIPort))
	if err != nil {
		return err
	}
	loopback := fmt.Sprintf("127.0.0.1:%d", c.APIPort)
	go serve(api, func() string { return loopback })

	factory := informers.NewSharedInformerFactory(client, 0)
	s := &services{
		cluster:   c,
		services:  factory.Core().V1().Services().Lister(),
		endpoints: factory.Discovery().V1().EndpointSlices().Lister(),
		listeners: map[string]net.Listener{},
	}
	changed := func(any) { s.sync() }
	if _, err := factory.Core().V1().Services().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: changed, UpdateFunc: func(_, n any) { changed(n) }, DeleteFunc: changed,
	}); err != nil {
		return err
	}
	factory.Discovery().V1().EndpointSlices().Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return s.serveDNS()
}

// sync opens and closes listeners so that they match the services.
func (s *services) sync() {
	list, err := s.services.List(labels.Everything())
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]bool{}
	for _, svc := range list {
		if svc.Spec.ClusterIP == "" || svc.Spec.ClusterIP == corev1.ClusterIPNone {
			continue
		}
		for _, port := range svc.Spec.Ports {
			if port.Protocol != corev1.ProtocolTCP {
				continue
			}
			addrs := []string{net.JoinHostPort(svc.Spec.ClusterIP, fmt.Sprint(port.Port))}
			if port.NodePort != 0 {
				addrs = append(addrs, net.JoinHostPort(s.cluster.nodeIP().String(), fmt.Sprint(port.NodePort)))
			}
			for _, addr := range addrs {
				wanted[addr] = true
				if s.listeners[addr] != nil {
					continue
				}
				l, err := net.Listen("tcp", addr)
				if err != nil {
					log.Printf("service %s/%s: %v", svc.Namespace, svc.Name, err)
					continue
				}
				s.listeners[addr] = l
				go serve(l, func() string { return s.endpoint(svc.Namespace, svc.Name, port.Name) })
			}
		}
	}
	for addr, l := range s.listeners {
		if !wanted[addr] {
			l.Close()
			delete(s.listeners, addr)
		}
	}
}

// serve forwards every connection to the address that target returns.
func serve(l net.Listener, target func() string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			addr := target()
			if addr == "" {
				reset(conn)
				return
			}
			backend, err := net.DialTimeout("tcp", addr, 5*time.Second)
			if err != nil {
				reset(conn)
				return
			}
			relay(conn, backend)
		}()
	}
}

// reset makes the client see a refused connection rather than an empty reply.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

func (s *services) slices(namespace, service string) []*discoveryv1.EndpointSlice {
	list, _ := s.endpoints.EndpointSlices(namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service}))
	return list
}

// endpoint picks one ready endpoint of a service's port.
func (s *services) endpoint(namespace, service, portName string) string {
	var addrs []string
	for _, slice := range s.slices(namespace, service) {
		for _, port := range slice.Ports {
			if port.Port == nil || port.Name != nil && *port.Name != portName {
				continue
			}
			for _, ep := range slice.Endpoints {
				if ep.Conditions.Ready == nil || *ep.Conditions.Ready {
					addrs = append(addrs, net.JoinHostPort(ep.Addresses[0], fmt.Sprint(*port.Port)))
				}
			}
		}
	}
	if len(addrs) == 0 {
		return ""
	}
	return addrs[rand.IntN(len(addrs))]
}
