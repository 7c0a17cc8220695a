"""The probes' server, asked over a real socket."""

import asyncio
import socket

import pytest

from mailbox_operator.fetcher.health import HealthServer
from mailbox_operator.fetcher.meter import Meter
from testbed.mailserver import free_ports


async def status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()


def loopbacks() -> list[str]:
    """Return this machine's loopback addresses: one of each family that it has."""
    found = ["127.0.0.1"]
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            found.append("::1")
    except OSError:
        pass
    return found


async def test_probes_are_answered_on_every_address() -> None:
    """A cluster of IPv6 alone has its kubelets ask by that."""
    [port] = free_ports(1)
    server = HealthServer(alive=lambda: True, ready=lambda: False, meter=Meter())
    await server.start("", port)
    try:
        for host in loopbacks():
            assert await status(host, port, "/healthz") == 200
            assert await status(host, port, "/readyz?x") == 503
    finally:
        server.close()


@pytest.mark.parametrize(("path", "expected"), [("/metrics", 200), ("/", 404), ("/healthz/x", 404)])
async def test_what_is_asked_for_besides(path: str, expected: int) -> None:
    server = HealthServer(alive=lambda: True, ready=lambda: True, meter=Meter())
    port = await server.start("127.0.0.1", 0)
    try:
        assert await status("127.0.0.1", port, path) == expected
    finally:
        server.close()
