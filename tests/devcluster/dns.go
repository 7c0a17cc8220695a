package main

import (
	"fmt"
	"log"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
)

// nameStore holds the names outside the cluster that pods can resolve: of each
// its IPv4 addresses, or HOST:PORT for its SRV record.
type nameStore struct{ records[[]string] }

// add stores one NAME=VALUE[,VALUE...], or removes the name of "NAME=".
func (s nameStore) add(spec string) error {
	name, value, ok := strings.Cut(spec, "=")
	name = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	if !ok || name == "." {
		return fmt.Errorf("name %q is not NAME=ADDRESS[,ADDRESS...] or NAME=HOST:PORT", spec)
	}
	var values []string
	for text := range strings.SplitSeq(value, ",") {
		if value == "" {
			break
		}
		if _, _, err := parseService(text); err != nil && !isIPv4(text) {
			return fmt.Errorf("name %q: %q is neither an IPv4 address nor HOST:PORT", spec, text)
		}
		values = append(values, text)
	}
	return s.change(func(names map[string][]string) {
		if names[name] = values; len(values) == 0 {
			delete(names, name)
		}
	})
}

func isIPv4(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is4()
}

// parseService returns the target of an SRV record.
func parseService(text string) (dnsmessage.Name, uint16, error) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return dnsmessage.Name{}, 0, err
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return dnsmessage.Name{}, 0, err
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(host, ".") + ".")
	return name, uint16(port), err
}

const (
	maxDatagram     = 4096
	upstreamTimeout = 3 * time.Second
)

// serveDNS answers, over UDP and nothing else, A queries for services,
// headless services, the pods behind them that have a hostname, and A and SRV
// queries for the names of the cluster's nameStore.
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
// other types than its own: NOERROR and nothing, as for the AAAA query that
// resolvers send beside it. NXDOMAIN there would make them give up the name.
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
	values, known := s.resolve(name)
	if !known && !inside && s.cluster.Upstream != "" {
		return forward(query, s.cluster.Upstream)
	}
	code := dnsmessage.RCodeSuccess
	if !known {
		code = dnsmessage.RCodeNameError
	}
	return reply(header, q, code, values)
}

func reply(header dnsmessage.Header, q dnsmessage.Question, code dnsmessage.RCode, values []string) ([]byte, error) {
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
	for _, value := range values {
		if err := addRecord(&b, q, value); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// addRecord adds a value to the answer if it is of the type that was asked for.
func addRecord(b *dnsmessage.Builder, q dnsmessage.Question, value string) error {
	rr := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 5}
	if target, port, err := parseService(value); err == nil {
		if q.Type != dnsmessage.TypeSRV {
			return nil
		}
		return b.SRVResource(rr, dnsmessage.SRVResource{Target: target, Port: port})
	}
	address, err := netip.ParseAddr(value)
	if err != nil || q.Type != dnsmessage.TypeA || !address.Is4() {
		return err
	}
	return b.AResource(rr, dnsmessage.AResource{A: address.As4()})
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

// resolve returns a name's values, as a nameStore has them, and whether the
// name exists.
func (s *services) resolve(name string) (values []string, known bool) {
	if inCluster, ok := strings.CutSuffix(name, ".svc."+clusterDomain+"."); ok {
		return s.resolveService(strings.Split(inCluster, "."))
	}
	names, err := s.cluster.names().load()
	if err != nil {
		log.Print("dns: ", err)
	}
	values, known = names[name]
	return values, known
}

// resolveService knows SERVICE.NAMESPACE and, with a pod's hostname before it,
// one endpoint of the service.
func (s *services) resolveService(labels []string) (addresses []string, known bool) {
	if len(labels) < 2 || len(labels) > 3 {
		return nil, false
	}
	service, namespace := labels[len(labels)-2], labels[len(labels)-1]
	svc, err := s.services.Services(namespace).Get(service)
	if err != nil {
		return nil, false
	}
	if len(labels) == 2 && svc.Spec.ClusterIP != corev1.ClusterIPNone {
		return []string{svc.Spec.ClusterIP}, isIPv4(svc.Spec.ClusterIP)
	}
	for _, slice := range s.slices(namespace, service) {
		for _, ep := range slice.Endpoints {
			if len(labels) == 3 && (ep.Hostname == nil || *ep.Hostname != labels[0]) {
				continue
			}
			ready := ep.Conditions.Ready == nil || *ep.Conditions.Ready || svc.Spec.PublishNotReadyAddresses
			if address := ep.Addresses[0]; ready && isIPv4(address) {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses, len(addresses) > 0
}
