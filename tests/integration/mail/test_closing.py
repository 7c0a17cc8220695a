"""A connection that was closed is gone before its owner goes on, whatever the server does."""

import asyncio
import gc
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mailbox_operator.fetcher.http.pool import HttpPool, HttpServer
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.mail.connection import connect
from mailbox_operator.mail.endpoint import Endpoint, Protocol, Security, TlsOptions
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import ANYTHING
from mailbox_operator.mail.imap.connection import ImapConnection
from mailbox_operator.mail.tls import client_context
from support.descriptors import connections_to
from testbed.mailserver import MailServer
from testbed.scripted import answering, talking


def endpoint(port: int, security: Security) -> Endpoint:
    tls = TlsOptions(insecure_skip_verify=True)
    return Endpoint(protocol=Protocol.IMAP, host="localhost", port=port, security=security, tls=tls)


async def connected(port: int, security: Security) -> ImapConnection:
    return await connect(ImapConnection, endpoint(port, security), policy=ANYTHING)


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS, Security.START_TLS])
async def test_the_socket_is_closed_when_the_wait_ends(server: MailServer, security: Security) -> None:
    port = server.dovecot.imaps if security is Security.TLS else server.dovecot.imap
    async with asyncio.timeout(40):
        before = connections_to(port)
        connection = await connected(port, security)
        await connection.greeting()
        if security is Security.START_TLS:
            await connection.send(b"STARTTLS")
            await connection.start_tls(endpoint(port, security))
        assert len(connections_to(port) - before) == 1
        connection.close()
        await connection.wait_closed()
        assert not connections_to(port) - before


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS, Security.START_TLS])
async def test_what_was_closed_is_freed_before_anybody_looks_for_garbage(
    server: MailServer, security: Security
) -> None:
    """TLS has a buffer of 256 KiB a connection: thousands of closed ones would be kept until the next collection."""
    port = server.dovecot.imaps if security is Security.TLS else server.dovecot.imap
    gc.disable()
    try:
        async with asyncio.timeout(40):
            connection = await connected(port, security)
            await connection.greeting()
            if security is Security.START_TLS:
                await connection.send(b"STARTTLS")
                await connection.start_tls(endpoint(port, security))
            connection.close()
            await connection.wait_closed()
        alive = weakref.ref(connection)
        del connection
        assert alive() is None
    finally:
        gc.enable()


@contextmanager
def deaf(server: MailServer, says: bytes, *, after: int = 0) -> Iterator[int]:
    """A server that speaks over TLS `after` so many octets, and hears nothing more: no good-bye either. Yields its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.pki.certificate(), server.pki.key())
    is_over = threading.Event()

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(after)
            secured.sendall(says)
            is_over.wait(10)

    with talking(talk) as port:
        try:
            yield port
        finally:
            is_over.set()


async def test_a_server_that_does_not_answer_the_good_bye_is_cut_off(server: MailServer) -> None:
    with deaf(server, b"* OK hello\r\n") as port:
        async with asyncio.timeout(40):
            connection = await connected(port, Security.TLS)
            await connection.greeting()
            connection.close()
            await connection.wait_closed()
            assert not connections_to(port)


async def test_whoever_leaves_waits_for_no_good_bye(server: MailServer) -> None:
    with deaf(server, b"* OK hello\r\n") as port:
        async with asyncio.timeout(40):
            connection = await connected(port, Security.TLS)
            await connection.greeting()
            connection.log_out()
            connection.leave()
            for _ in range(5):  # turns of the loop, in which nothing comes
                await asyncio.sleep(0)
            assert not connections_to(port)
            await connection.wait_closed()


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
async def test_the_server_hears_that_we_leave(server: MailServer, security: Security) -> None:
    said: list[bytes] = []
    ended = threading.Event()

    def talk(connection: socket.socket) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(server.pki.certificate(), server.pki.key())
        plain = security is Security.NONE
        with connection if plain else context.wrap_socket(connection, server_side=True) as wire:
            wire.sendall(b"* OK hello\r\n")
            while octets := wire.recv(100):
                said.append(octets)
            ended.set()

    async with asyncio.timeout(40):
        with talking(talk) as port:
            connection = await connected(port, security)
            await connection.greeting()
            connection.log_out()
            connection.leave()
            await connection.wait_closed()
            assert await asyncio.to_thread(ended.wait, 30), "the server sees an end, and not a connection that broke"
    assert b"".join(said) == b"m1 LOGOUT\r\n"


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
async def test_a_connection_that_ended_already_can_be_left(server: MailServer, security: Security) -> None:
    port = server.dovecot.imaps if security is Security.TLS else server.dovecot.imap
    async with asyncio.timeout(40):
        before = connections_to(port)
        connection = await connected(port, security)
        await connection.greeting()
        await connection.send(b"LOGOUT")
        with pytest.raises(MailError):
            await connection.send(b"NOOP")
        connection.leave()
        await connection.wait_closed()
        connection.leave()
        assert not connections_to(port) - before


async def test_nor_does_a_pool_leave_a_connection_to_such_a_server(server: MailServer) -> None:
    request = b"POST / HTTP/1.1\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    context = client_context(TlsOptions(ca_pem=server.ca_pem))
    with deaf(server, answer, after=len(request)) as port:
        async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
            where = HttpServer(host="localhost", port=port, ssl_context=context, policy=ANYTHING)
            pool = HttpPool(where, size=1, max_body=1000, tasks=tasks)
            assert isinstance(await pool.request(request, seconds=20), Response)
            pool.close()
            while connections_to(port):  # noqa: ASYNC110 - asyncio closes a transport in one of its next rounds
                await asyncio.sleep(0.01)


async def test_a_handshake_that_is_broken_off_leaves_nothing_behind() -> None:
    with talking(answering(b"* OK hello\r\n", {})) as port:
        async with asyncio.timeout(40):
            connection = await connected(port, Security.START_TLS)
            await connection.greeting()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await connection.start_tls(endpoint(port, Security.START_TLS))
            connection.close()
            await connection.wait_closed()
            assert not connections_to(port)
