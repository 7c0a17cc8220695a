"""The address guard, by table and by property."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.guard import ANYTHING, AddressPolicy, judge_address, parse_networks

DEFAULT = AddressPolicy(cluster=parse_networks(["10.244.0.0/16", "10.96.0.0/12", "fd10::/64"]))

REFUSED = {
    "127.0.0.1": "loopback",
    "127.255.0.9": "loopback",
    "::1": "loopback",
    "169.254.169.254": "metadata",
    "fe80::1": "link-local",
    "fd00:ec2::254": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "0.0.0.0": "no address of a host",  # noqa: S104 - judged, not bound to
    "0.1.2.3": "no address of a host",
    "255.255.255.255": "no address of a host",
    "::": "no address of a host",
    "10.244.3.4": "10.244.0.0/16",
    "10.96.0.1": "10.96.0.0/12",
    "fd10::7": "fd10::/64",
    "::ffff:127.0.0.1": "it means 127.0.0.1",
    "::ffff:10.96.0.1": "it means 10.96.0.1",
    "::127.0.0.1": "it means 127.0.0.1",
    "64:ff9b::a9fe:a9fe": "it means 169.254.169.254",
    "64:ff9b:1::7f00:1": "it means 127.0.0.1",
    "2002:7f00:1::": "it means 127.0.0.1",
    "2001:0:7f00:1::": "it means 127.0.0.1",
}


@pytest.mark.parametrize(("text", "says"), REFUSED.items())
def test_what_is_no_mail_server_of_anybodys_is_refused(text: str, says: str) -> None:
    refusal = judge_address(ip_address(text), host="mail.test", policy=DEFAULT)
    assert refusal is not None
    assert refusal.startswith(f"mail.test is {ip_address(text)}")
    assert says in refusal


@pytest.mark.parametrize("text", ["192.0.2.1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "fd12::1", "2606:4700::1111"])
def test_public_and_private_servers_are_dialled_by_default(text: str) -> None:
    assert judge_address(ip_address(text), host="mail.test", policy=DEFAULT) is None


@pytest.mark.parametrize("text", ["10.1.2.3", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd12::1", "::ffff:10.1.2.3"])
def test_private_servers_are_refused_where_only_public_ones_are_wanted(text: str) -> None:
    refusal = judge_address(ip_address(text), host="mail.test", policy=AddressPolicy(public_only=True))
    assert refusal is not None
    assert "network.mode is PublicOnly" in refusal


def test_the_narrower_of_allowed_and_denied_decides() -> None:
    policy = AddressPolicy(
        allowed=parse_networks(["10.0.0.0/8", "127.0.0.1/32"]),
        denied=parse_networks(["10.1.0.0/16", "0.0.0.0/0"]),
    )
    assert judge_address(ip_address("10.2.0.1"), host="a.test", policy=policy) is None
    assert judge_address(ip_address("127.0.0.1"), host="a.test", policy=policy) is None
    inner = judge_address(ip_address("10.1.0.1"), host="a.test", policy=policy)
    assert inner == "a.test is 10.1.0.1, within 10.1.0.0/16, which network.denied names"
    assert "network.denied" in str(judge_address(ip_address("198.51.100.1"), host="a.test", policy=policy))


def test_between_equal_ranges_denied_decides() -> None:
    both = parse_networks(["10.0.0.0/8"])
    assert judge_address(ip_address("10.0.0.1"), host="a.test", policy=AddressPolicy(allowed=both, denied=both))


def test_an_allowed_name_is_dialled_wherever_it_is() -> None:
    policy = AddressPolicy(allowed_names=frozenset({"mail.internal"}))
    assert judge_address(ip_address("127.0.0.1"), host="Mail.Internal.", policy=policy) is None
    assert judge_address(ip_address("127.0.0.1"), host="mail.internal.evil.test", policy=policy)


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(addresses)
def test_a_person_at_a_terminal_dials_anything(address: IPv4Address | IPv6Address) -> None:
    assert judge_address(address, host="a.test", policy=ANYTHING) is None


@given(st.ip_addresses(v=4))
def test_a_disguise_is_judged_as_the_address_behind_it(address: IPv4Address) -> None:
    refused = judge_address(address, host="a.test", policy=DEFAULT) is not None
    for disguise in (f"::ffff:{address}", f"64:ff9b::{address}"):
        behind = judge_address(IPv6Address(disguise), host="a.test", policy=DEFAULT)
        assert (behind is not None) is refused


@given(addresses)
def test_whatever_is_denied_is_never_dialled(address: IPv4Address | IPv6Address) -> None:
    exactly = ip_network(address)
    policy = AddressPolicy(allowed=ANYTHING.allowed, denied=(exactly,))
    assert judge_address(address, host="a.test", policy=policy)
