"""The dialler on loopback: which addresses it takes, what it says when nobody answers."""

import asyncio
import socket

import pytest

from mailbox_operator.mail.dial import connect_tcp, resolve_checked
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy, parse_networks


async def refused(host: str, port: int, policy: AddressPolicy) -> MailError:
    with pytest.raises(MailError) as caught:
        await connect_tcp(host, port, policy=policy)
    return caught.value


async def test_a_server_that_listens_is_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with await connect_tcp("127.0.0.1", port, policy=ANYTHING) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connected.getblocking() is False


async def test_the_guard_comes_before_the_first_packet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        error = await refused("127.0.0.1", listening.getsockname()[1], AddressPolicy())
        assert error.area is Area.POLICY
        assert error.text == "forbidden address: 127.0.0.1 is 127.0.0.1, a loopback address"
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("spelled", ["localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "::ffff:127.0.0.1"])
async def test_other_spellings_of_loopback_are_refused_too(spelled: str) -> None:
    assert (await refused(spelled, 993, AddressPolicy())).area is Area.POLICY


async def test_a_port_without_listener_is_a_fault_of_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    error = await refused("127.0.0.1", port, ANYTHING)
    assert error.area is Area.TCP
    assert error.text == f"127.0.0.1 port {port}: Connection refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "bad..name", "x" * 300])
async def test_a_name_without_address_is_a_fault_of_dns(host: str) -> None:
    assert (await refused(host, 993, ANYTHING)).area is Area.DNS


async def test_every_address_of_a_name_is_judged() -> None:
    willing = await resolve_checked("localhost", 993, policy=ANYTHING)
    assert {info[4][0] for info in willing} <= {"127.0.0.1", "::1"}


async def test_a_name_that_changes_its_address_is_dialled_at_the_one_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = AddressPolicy(allowed=parse_networks(["127.0.0.1/32"]))
    with socket.create_server(("127.0.0.1", 0)) as judged, socket.socket() as other:
        port = judged.getsockname()[1]
        other.bind(("127.0.0.2", port))
        other.listen()
        answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])

        def rebinding(_host: str, port: int, **_: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        with await connect_tcp("rebinding.test", port, policy=policy) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
        assert next(answers) == "127.0.0.2"  # it was asked once
        assert (await refused("rebinding.test", port, policy)).area is Area.POLICY


async def test_the_callers_deadline_ends_the_dialling() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:  # the kernel drops what does not fit the backlog
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await connect_tcp("127.0.0.1", port, policy=ANYTHING)
        finally:
            for one in waiting:
                one.close()
