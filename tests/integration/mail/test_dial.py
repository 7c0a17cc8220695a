"""The dialler where a name has several addresses: a network namespace with a hosts file of its own."""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from support.patience import PATIENCE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

HOSTS: Final = """
127.0.0.1 localhost
10.99.77.9 half.test
127.0.0.2 half.test
10.99.77.8 silent.test
127.0.0.2 silent.test
127.0.0.3 partly.test
10.99.77.1 partly.test
"""
"""10.99.77.1 is the namespace's own, 10.99.77.9 nobody's: that is told after 30 seconds. What goes to 10.99.77.8 is never answered."""
PREFERRED: Final = """
precedence ::/0 40
precedence ::ffff:0:0/96 10
precedence ::ffff:10.99.77.8/128 100
precedence ::ffff:10.99.77.9/128 100
"""
"""The dead come first."""
LISTEN: Final = """
import socket, sys
held = [socket.create_server((address, 993)) for address in sys.argv[1:]]
print("listening", flush=True)
sys.stdin.read()
"""


@contextmanager
def namespace() -> Iterator[str]:
    name = f"dial-{secrets.token_hex(3)}"
    hosts = Path("/etc/netns") / name
    hosts.mkdir(parents=True)
    try:
        (hosts / "hosts").write_text(HOSTS)
        (hosts / "gai.conf").write_text(PREFERRED)
        subprocess.run(["ip", "netns", "add", name], check=True)
        for command in (
            ("link", "set", "lo", "up"),
            ("link", "add", "hole", "type", "veth", "peer", "name", "end"),
            ("address", "add", "10.99.77.1/24", "dev", "hole"),
            ("link", "set", "hole", "up"),
            ("link", "set", "end", "up"),
            ("neighbour", "add", "10.99.77.8", "lladdr", "02:00:00:00:00:01", "dev", "hole"),
        ):
            subprocess.run(["ip", "-netns", name, *command], check=True)
        patient = ["sysctl", "--quiet", "net.ipv4.neigh.hole.mcast_solicit=30"]  # else it is told after three
        subprocess.run(["ip", "netns", "exec", name, *patient], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)
        shutil.rmtree(hosts)


@pytest.fixture
def inside() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Servers on 127.0.0.2, 127.0.0.3 and 10.99.77.1, and a way to dial from where they are."""
    with namespace() as name:
        enter = ["ip", "netns", "exec", name, sys.executable]

        def dial(*arguments: str, by: str = "us") -> subprocess.CompletedProcess[str]:
            command = [*enter, str(Path(__file__).with_name("dialling.py")), by, *arguments]
            return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

        with subprocess.Popen(
            [*enter, "-c", LISTEN, "127.0.0.2", "127.0.0.3", "10.99.77.1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as listening:
            assert listening.stdout is not None
            assert listening.stdin is not None
            assert listening.stdout.readline() == b"listening\n"
            yield dial
            listening.stdin.close()


def test_a_name_is_tried_at_each_of_its_addresses_and_only_where_it_may_be(
    inside: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = inside("half.test", "993", "127.0.0.0/8")
    address, seconds = done.stdout.split()
    assert address == "127.0.0.2", done.stderr
    assert float(seconds) < 2 * PATIENCE, "a dead address costs a quarter of a second (RFC 8305), not a time-out"

    assert inside("partly.test", "993").stdout.split()[0] == "10.99.77.1", "the other one is loopback"
    refused = inside("half.test", "993", "192.0.2.0/24")
    assert refused.returncode != 0
    for spelled in ("localhost", "127.0.0.2", "2130706434", "::ffff:127.0.0.2"):
        assert "forbidden address" in inside(spelled, "993").stderr


def test_the_library_goes_on_to_the_next_address_too(inside: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = inside("silent.test", "993", "127.0.0.0/8", by="library")
    assert done.stdout.split()[:1] == ["127.0.0.2"], done.stderr
    assert inside("partly.test", "993", by="library").stdout.split()[:1] == ["10.99.77.1"], "the other one is loopback"
