package main

import (
	"fmt"
	"log"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
)

// nameStore holds the names outside the cluster that pods can resolve.
type nameStore struct{ records[[]netip.Addr] }

// add stores one NAME=ADDRESS[,ADDRESS...], or removes the name of "NAME=".
func (s nameStore) add(spec string) error {
	name, value, ok := strings.Cut(spec, "=")
	name = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	if !ok || name == "." {
		return fmt.Errorf("name %q is not NAME=ADDRESS[,ADDRESS...]", spec)
	}
	var addresses []netip.Addr
	for text := range strings.SplitSeq(value, ",") {
		if value == "" {
			break
		}
		address, err := netip.ParseAddr(text)
		if err != nil || !address.Is4() {
			return fmt.Errorf("name %q: %q is not an IPv4 address", spec, text)
		}
		addresses = append(addresses, address)
	}
	return s.change(func(names map[string][]netip.Addr) {
		if names[name] = addresses; len(addresses) == 0 {
			delete(names, name)
		}
	})
}

const (
	maxDatagram     = 4096
	upstreamTimeout = 3 * time.Second
)

// serveDNS answers, over UDP and nothing else, A queries for services,
// headless services, the pods behind them that have a hostname, and the names
// of the cluster's nameStore.
func (s *services) serveDNS() error {
	conn, err := net.ListenPacket("udp", net.JoinHostPort(s.cluster.dnsIP().String(), "53"))
	if err != nil {
		return err
	}
	go func() {
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			query := append([]byte(nil), buf[:n]...)
			go func() {
				answer, err := s.answer(query)
				if err != nil {
					log.Print("dns: ", err)
					return
				}
				_, _ = conn.WriteTo(answer, from)
			}()
		}
	}()
	return nil
}

// answer returns the reply to a query. A name that exists has no records of
// other types than A: NOERROR and nothing, as for the AAAA query that resolvers
// send beside it. NXDOMAIN there would make them give up the name.
func (s *services) answer(query []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(q.Name.String())
	inside := name == clusterDomain+"." || strings.HasSuffix(name, "."+clusterDomain+".")
	addresses, known := s.resolve(name)
	if !known && !inside && s.cluster.Upstream != "" {
		return forward(query, s.cluster.Upstream)
	}
	code := dnsmessage.RCodeSuccess
	if !known {
		code = dnsmessage.RCodeNameError
	}
	return reply(header, q, code, addresses)
}

func reply(header dnsmessage.Header, q dnsmessage.Question, code dnsmessage.RCode, addresses []netip.Addr) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{
		ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true, RCode: code,
	})
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(q); err != nil {
		return nil, err
	}
	if err := b.StartAnswers(); err != nil {
		return nil, err
	}
	for _, address := range addresses {
		if q.Type != dnsmessage.TypeA || !address.Is4() {
			continue
		}
		rr := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 5}
		if err := b.AResource(rr, dnsmessage.AResource{A: address.As4()}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// forward asks the server outside the cluster; the pod hears what it says.
func forward(query []byte, upstream string) ([]byte, error) {
	conn, err := net.DialTimeout("udp", upstream, upstreamTimeout)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(upstreamTimeout)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buf := make([]byte, maxDatagram)
	n, err := conn.Read(buf)
	return buf[:n], err
}

// resolve returns a name's IPv4 addresses and whether the name exists.
func (s *services) resolve(name string) (addresses []netip.Addr, known bool) {
	if inCluster, ok := strings.CutSuffix(name, ".svc."+clusterDomain+"."); ok {
		return s.resolveService(strings.Split(inCluster, "."))
	}
	names, err := s.cluster.names().load()
	if err != nil {
		log.Print("dns: ", err)
	}
	addresses, known = names[name]
	return addresses, known
}

// resolveService knows SERVICE.NAMESPACE and, with a pod's hostname before it,
// one endpoint of the service.
func (s *services) resolveService(labels []string) (addresses []netip.Addr, known bool) {
	if len(labels) < 2 || len(labels) > 3 {
		return nil, false
	}
	service, namespace := labels[len(labels)-2], labels[len(labels)-1]
	svc, err := s.services.Services(namespace).Get(service)
	if err != nil {
		return nil, false
	}
	if len(labels) == 2 && svc.Spec.ClusterIP != corev1.ClusterIPNone {
		address, err := netip.ParseAddr(svc.Spec.ClusterIP)
		return []netip.Addr{address}, err == nil
	}
	for _, slice := range s.slices(namespace, service) {
		for _, ep := range slice.Endpoints {
			if len(labels) == 3 && (ep.Hostname == nil || *ep.Hostname != labels[0]) {
				continue
			}
			ready := ep.Conditions.Ready == nil || *ep.Conditions.Ready || svc.Spec.PublishNotReadyAddresses
			if address, err := netip.ParseAddr(ep.Addresses[0]); ready && err == nil {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses, len(addresses) > 0
}
