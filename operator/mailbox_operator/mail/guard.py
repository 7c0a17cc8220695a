"""The address guard: where a mailbox may make us dial, judged by address."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from mailbox_operator.values import dataclass

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

NAT64: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))  # RFC 6052 section 2.1, RFC 8215
METADATA: Final = frozenset(
    ip_address(text)
    for text in (
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "168.63.129.16",  # Azure
    )
)
"""Metadata services outside the link-local ranges."""
NO_HOST: Final = (ip_network("0.0.0.0/8"), ip_network("240.0.0.0/4"), ip_network("::/128"))
"""RFC 1122 section 3.2.1.3 (Linux takes 0.0.0.0 for itself), RFC 1112 section 4 with the broadcast address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """What may be dialled.

    Loopback, link-local, multicast and unspecified addresses and the cluster's own never are, unless `allowed` says so.
    Where `allowed` and `denied` both name an address, the narrower range decides, and `denied` between equals.
    """

    cluster: tuple[IPNetwork, ...] = ()
    """The cluster's own pod and service ranges."""
    allowed: tuple[IPNetwork, ...] = ()
    allowed_names: frozenset[str] = frozenset()
    """Names, in lower case, behind which every address may be dialled."""
    denied: tuple[IPNetwork, ...] = ()
    public_only: bool = False
    """Refuse private addresses (RFC 1918, RFC 4193, RFC 6598) too."""


ANYTHING: Final = AddressPolicy(allowed=(ip_network("0.0.0.0/0"), ip_network("::/0")))
"""For a person at a terminal, who dials from where they are."""


def parse_networks(texts: Iterable[str]) -> tuple[IPNetwork, ...]:
    """Return CIDRs as networks. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=1024)  # thousands of mailboxes may share a server
def judge_address(address: IPAddress, *, host: str, policy: AddressPolicy) -> str | None:
    """Return why `address`, found under the name `host`, may not be dialled and which setting says so, or None: it may."""
    if host.lower().rstrip(".") in policy.allowed_names:
        return None
    for real in (address, *_disguised(address)):
        if refusal := _refusal(real, policy):
            disguise = "" if real == address else f" (it means {real})"
            return f"{host} is {address}{disguise}, {refusal}"
    return None


def _refusal(address: IPAddress, policy: AddressPolicy) -> str | None:
    allowed, denied = _narrowest(address, policy.allowed), _narrowest(address, policy.denied)
    if denied and (allowed is None or denied.prefixlen >= allowed.prefixlen):
        return f"within {denied}, which network.denied names"
    if allowed:
        return None
    if own := _narrowest(address, policy.cluster):
        return f"within {own}, the cluster's own pods and services"
    special = {
        "a loopback address": address.is_loopback,
        "a link-local address, where metadata services live": address.is_link_local,
        "the address of a cloud's metadata service": address in METADATA,
        "a multicast address": address.is_multicast,
        "no address of a host": _narrowest(address, NO_HOST) is not None,
        "no public address, and network.mode is PublicOnly": policy.public_only and not address.is_global,
    }
    return next((name for name, holds in special.items() if holds), None)


def _narrowest(address: IPAddress, networks: Iterable[IPNetwork]) -> IPNetwork | None:
    holding = [network for network in networks if address.version == network.version and address in network]
    return max(holding, key=lambda network: network.prefixlen, default=None)


def _disguised(address: IPAddress) -> tuple[IPAddress, ...]:
    """Return the IPv4 addresses that an IPv6 address stands for: mapped, 6to4, Teredo, NAT64, compatible."""
    if isinstance(address, IPv4Address):
        return ()
    found: list[IPAddress] = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    compatible = int(address) >> 32 == 0 and int(address) > 1  # RFC 4291 section 2.5.5.1, deprecated; not :: and ::1
    if compatible or _narrowest(address, NAT64):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
