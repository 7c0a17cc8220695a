package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const bridgePrefix = "devcluster"

// preferredIndex spreads clusters over the networks by their data directory,
// so that two of them do not take turns in having the same addresses.
func preferredIndex(dataDir string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(dataDir))
	return int(h.Sum32() % maxClusters)
}

// claimBridge creates the cluster's bridge on a network that nothing else
// uses. A cluster that has data keeps its network or does not start: its
// services and pods have addresses there.
func (c *cluster) claimBridge() error {
	unlock, err := lockBridges()
	if err != nil {
		return err
	}
	defer unlock()
	if err := removeStaleBridges(); err != nil {
		return err
	}
	if c.Index >= 0 {
		if taken, err := c.networkTaken(true); err != nil || taken != "" {
			return errors.Join(err, fmt.Errorf("this cluster's network is taken: %s; end its user, or start afresh with another data directory", taken))
		}
		return c.createBridge()
	}
	first, taken := preferredIndex(c.DataDir), ""
	for _, shadowing := range []bool{false, true} {
		for i := range maxClusters {
			c.Index = (first + i) % maxClusters
			if taken, err = c.networkTaken(shadowing); err != nil {
				return err
			}
			if taken == "" {
				return c.createBridge()
			}
		}
	}
	return fmt.Errorf("all %d networks for clusters are taken; the last one: %s", maxClusters, taken)
}

// lockBridges keeps other clusters from choosing at the same moment.
func lockBridges() (unlock func(), err error) {
	f, err := os.OpenFile("/run/devcluster.lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

// removeStaleBridges removes what killed clusters left: a bridge's alias names
// its owner.
func removeStaleBridges() error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		index, isOurs := strings.CutPrefix(link.Attrs().Name, bridgePrefix)
		if _, err := strconv.Atoi(index); !isOurs || err != nil {
			continue
		}
		if pid, _ := strconv.Atoi(link.Attrs().Alias); !alive(pid) {
			if err := netlink.LinkDel(link); err != nil {
				return err
			}
		}
	}
	return nil
}

// networkTaken says who else uses the cluster's addresses, or returns "".
// With shadowing, a wider route (as of a VPN to all of 10.0.0.0/8) does not
// count: the cluster's own routes are more specific and win.
func (c *cluster) networkTaken(shadowing bool) (string, error) {
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return "", err
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return "", err
	}
	for _, cidr := range []string{c.podCIDR(), c.serviceCIDR()} {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return "", err
		}
		for _, address := range addresses {
			if network.Contains(address.IP) {
				return fmt.Sprintf("%s holds the address %s of %s", cidr, address.IP, address.Label), nil
			}
		}
		for _, route := range routes {
			switch relation(network, route.Dst) {
			case apart:
			case within:
				if !shadowing {
					return fmt.Sprintf("%s lies within the route to %s", cidr, route.Dst), nil
				}
				log.Printf("%s lies within the route to %s and hides that part of it", cidr, route.Dst)
			case around:
				return fmt.Sprintf("%s has a route to %s", cidr, route.Dst), nil
			}
		}
	}
	return "", nil
}

type position int

const (
	apart position = iota
	within
	around
)

// relation says where a network lies, seen from a route's destination. The
// default route is apart from all.
func relation(network, destination *net.IPNet) position {
	if destination == nil {
		return apart
	}
	wide, _ := destination.Mask.Size()
	own, _ := network.Mask.Size()
	switch {
	case wide == 0:
		return apart
	case wide < own && destination.Contains(network.IP):
		return within
	case network.Contains(destination.IP):
		return around
	}
	return apart
}

func (c *cluster) createBridge() error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = c.bridge()
	attributes.HardwareAddr = hardwareAddress(c.nodeIP()) // else it is the lowest of the pods', and changes as they come and go
	br := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(br); err != nil {
		return fmt.Errorf("creating bridge %s: %w", c.bridge(), err)
	}
	return errors.Join(
		netlink.LinkSetAlias(br, strconv.Itoa(os.Getpid())), // LinkAdd does not set it
		netlink.AddrAdd(br, &netlink.Addr{IPNet: &net.IPNet{IP: c.nodeIP(), Mask: net.CIDRMask(24, 32)}}),
		netlink.LinkSetUp(br),
		c.routeServices(br),
	)
}

// hardwareAddress returns a link's address, which follows from its IP address:
// who has an entry for it in a neighbour table is still right when another pod
// has got the address.
func hardwareAddress(ip net.IP) net.HardwareAddr {
	return append(net.HardwareAddr{0x02, 0xdc}, ip.To4()...)
}

// routeServices makes every service address local to this machine, so that
// the service proxy can listen on any of them.
func (c *cluster) routeServices(br netlink.Link) error {
	_, dst, err := net.ParseCIDR(c.serviceCIDR())
	if err != nil {
		return err
	}
	return netlink.RouteReplace(&netlink.Route{
		LinkIndex: br.Attrs().Index,
		Dst:       dst,
		Type:      syscall.RTN_LOCAL,
		Table:     syscall.RT_TABLE_LOCAL,
		Scope:     netlink.SCOPE_HOST,
	})
}

func (c *cluster) releaseBridge() error {
	br, err := netlink.LinkByName(c.bridge())
	if err != nil {
		return err
	}
	return netlink.LinkDel(br)
}
