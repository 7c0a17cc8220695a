"""Hosts behind a broken wire: a network namespace whose firewall loses or refuses what comes.

Whoever dials them goes through this machine's forwarding, as a pod of the development cluster does.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RULES: Final = {
    "dropped": ("DROP",),
    "rejected": ("REJECT", "--reject-with", "tcp-reset"),
    "unreachable": ("REJECT", "--reject-with", "icmp-host-unreachable"),
}
"""What becomes of a connection attempt, by the host's name."""


@dataclass(frozen=True, slots=True)
class BrokenWire:
    """The hosts, by what becomes of connection attempts: `dropped`, `rejected`, `unreachable`."""

    addresses: dict[str, str]


@contextmanager
def broken_wire(part: str, *, entrances: Sequence[str] = ()) -> Iterator[BrokenWire]:
    """Hold the hosts at PART.130 and following. Raises CalledProcessError: not root.

    `part` are the first three octets of addresses that are the caller's own; `entrances` are network interfaces whose
    peers may dial them, beside this machine itself.
    """
    name = f"wire-{part.rpartition('.')[2]}"
    outside, inside = f"{part}.129", {host: f"{part}.{130 + n}" for n, host in enumerate(RULES)}
    opened: list[Path] = []
    with suppress(subprocess.CalledProcessError):  # what a killed run has left
        ip("netns", "delete", name)
    ip("netns", "add", name)
    try:
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("address", "add", f"{outside}/28", "dev", name)
        ip("link", "set", name, "up")
        for address in inside.values():
            ip("-netns", name, "address", "add", f"{address}/28", "dev", "eth0")
        ip("-netns", name, "link", "set", "eth0", "up")
        ip("-netns", name, "route", "add", "default", "via", outside)
        for host, rule in RULES.items():
            matching = ("-A", "INPUT", "-d", inside[host], "-p", "tcp", "-j")
            ip("netns", "exec", name, "iptables", *matching, *rule)
        for interface in (name, *entrances):
            switch = Path(f"/proc/sys/net/ipv4/conf/{interface}/forwarding")
            if switch.read_text().strip() == "0":
                switch.write_text("1")
                opened.append(switch)
        yield BrokenWire(inside)
    finally:
        ip("netns", "delete", name)  # and the pair of interfaces with it
        for switch in opened:
            with suppress(OSError):  # gone with its interface
                switch.write_text("0")


def ip(*arguments: str) -> None:
    """Run the command `ip`."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
