"""A connection that is begun early is handed to the one who would dial the same door, once, and closed for all others."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy
from mailbox_operator.mail.head_start import HeadStart


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


@contextmanager
def full() -> Iterator[int]:
    """A port that takes no more connections: who asks for one hears nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield port_of(listener)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


async def test_it_is_taken_once_connected_and_ready_for_a_loop(listener: socket.socket) -> None:
    port = port_of(listener)
    begun = HeadStart("127.0.0.1", port, policy=ANYTHING)
    taken = await begun.take("127.0.0.1", port, policy=ANYTHING)
    assert taken is not None
    with taken, listener.accept()[0] as accepted:
        assert not taken.getblocking()
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await asyncio.get_running_loop().sock_sendall(taken, b"hello")
        assert accepted.recv(5) == b"hello"
    assert await begun.take("127.0.0.1", port, policy=ANYTHING) is None


async def test_whoever_comes_early_waits_for_it_and_may_go_again() -> None:
    with full() as port:
        begun = HeadStart("127.0.0.1", port, policy=ANYTHING)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await begun.take("127.0.0.1", port, policy=ANYTHING)
        assert await begun.take("127.0.0.1", port, policy=ANYTHING) is None
        patient = HeadStart("127.0.0.1", port, policy=ANYTHING)
        assert await patient.take("127.0.0.1", port, policy=ANYTHING) is None, "it gives up, and another dials"


async def test_another_door_gets_nothing_and_it_is_closed(listener: socket.socket) -> None:
    port = port_of(listener)
    for door, policy in ((("localhost", port), ANYTHING), (("127.0.0.1", port), AddressPolicy(public_only=True))):
        begun = HeadStart("127.0.0.1", port, policy=ANYTHING)
        with listener.accept()[0] as accepted:
            assert await begun.take(*door, policy=policy) is None
            accepted.settimeout(10)
            assert accepted.recv(1) == b""


async def test_what_may_not_be_dialled_is_not(listener: socket.socket) -> None:
    port, policy = port_of(listener), AddressPolicy()
    listener.setblocking(False)
    begun = HeadStart("127.0.0.1", port, policy=policy)
    with pytest.raises(MailError, match="forbidden address"):
        await begun.take("127.0.0.1", port, policy=policy)
    assert await begun.take("127.0.0.1", port, policy=policy) is None
    with pytest.raises(BlockingIOError):
        listener.accept()


async def test_a_name_without_an_address_is_told_of_and_not_asked_for_twice() -> None:
    begun = HeadStart("no.such.host.invalid", 993, policy=ANYTHING)
    with pytest.raises(MailError, match=r"no\.such\.host\.invalid") as caught:
        await begun.take("no.such.host.invalid", 993, policy=ANYTHING)
    assert caught.value.area is Area.DNS


async def test_where_nobody_listens_there_is_nothing_to_take(listener: socket.socket) -> None:
    port = port_of(listener)
    listener.close()
    assert await HeadStart("127.0.0.1", port, policy=ANYTHING).take("127.0.0.1", port, policy=ANYTHING) is None


def test_it_is_closed_where_nobody_comes_for_it(listener: socket.socket) -> None:
    begun = HeadStart("127.0.0.1", port_of(listener), policy=ANYTHING)
    begun.close()
    with listener.accept()[0] as accepted:
        accepted.settimeout(10)
        assert accepted.recv(1) == b""
