"""A connection that was closed is gone before its owner goes on, whatever the server does."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import pytest

from mailbox_operator.fetcher.imap.connection import ImapConnection
from mailbox_operator.fetcher.mail_connection import connect
from mailbox_operator.fetcher.plan import Source
from mailbox_operator.mail.endpoint import Protocol, Security
from mailbox_operator.mail.guard import ANYTHING
from support.descriptors import open_files
from testbed.mailserver import MailServer
from testbed.scripted import answering, talking


def source(port: int, security: Security) -> Source:
    return Source(
        protocol=Protocol.IMAP,
        host="localhost",
        port=port,
        security=security,
        username="a",
        password_file="",
        insecure_skip_verify=True,
    )


async def connected(port: int, security: Security, folder: Path) -> ImapConnection:
    return await connect(
        lambda: ImapConnection(max_message=1000, spool_folder=folder), source(port, security), policy=ANYTHING
    )


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS, Security.START_TLS])
async def test_the_socket_is_closed_when_the_wait_ends(server: MailServer, tmp_path: Path, security: Security) -> None:
    port = server.dovecot.imaps if security is Security.TLS else server.dovecot.imap
    async with asyncio.timeout(10):
        before = open_files()
        connection = await connected(port, security, tmp_path)
        await connection.greeting()
        if security is Security.START_TLS:
            await connection.send(b"STARTTLS")
            await connection.start_tls(source(port, security))
        assert open_files() == before + 1
        connection.close()
        await connection.wait_closed()
        assert open_files() == before


async def test_a_server_that_does_not_answer_the_good_bye_is_cut_off(server: MailServer, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.pki.certificate(), server.pki.key())
    is_over = threading.Event()

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.sendall(b"* OK hello\r\n")
            is_over.wait(10)

    with talking(talk) as port:
        async with asyncio.timeout(10):
            connection = await connected(port, Security.TLS, tmp_path)
            await connection.greeting()
            before = open_files()
            connection.close()
            await connection.wait_closed()
            assert open_files() == before - 1
        is_over.set()


async def test_a_handshake_that_is_broken_off_leaves_nothing_behind(tmp_path: Path) -> None:
    with talking(answering(b"* OK hello\r\n", {})) as port:
        async with asyncio.timeout(10):
            connection = await connected(port, Security.START_TLS, tmp_path)
            await connection.greeting()
            before = open_files()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await connection.start_tls(source(port, Security.START_TLS))
            connection.close()
            await connection.wait_closed()
            assert open_files() < before
