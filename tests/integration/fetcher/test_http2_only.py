"""A webhook that speaks HTTP/2 and nothing else, reached without a proxy: by the library, which is found out once."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import create_connection

import pytest

from integration.conftest import Account
from integration.fetcher.conftest import Fetcher
from integration.fetcher.tally import message_ids, messages
from mailbox_operator.fetcher.http.connection import Exchange, Fault
from mailbox_operator.fetcher.http.library import LibraryPool, directly
from mailbox_operator.fetcher.http.pool import HttpPool
from mailbox_operator.fetcher.watched_file import WatchedFile
from mailbox_operator.fetcher.webhook.sink import find_server
from mailbox_operator.mail.endpoint import TlsOptions
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy
from mailbox_operator.mail.tls import http_context
from support.kube import until
from testbed.http2_only import running_http2_only
from testbed.mailserver import MailServer, free_ports
from testbed.pki import Pki

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

COUNT = 100
LARGE = 5_000_000
"""Octets of a message that is spooled."""


def test_it_gets_everything_and_is_taken_for_what_it_is_once(
    server: MailServer, account: Account, fetcher: Fetcher
) -> None:
    large = messages(1, first=COUNT + 1, octets=LARGE)
    server.dovecot.seed(account.address, [*messages(COUNT), *large])
    with running_http2_only(server.pki) as hook:
        fetcher.change_webhook(url=f"https://127.0.0.1:{hook.port}/hook", ca_file=str(server.pki.folder / "ca.pem"))
        fetcher.start()
        until(lambda: len(hook.bodies) == COUNT + 1, seconds=30, what=fetcher.log)
        fetcher.wait_state("Idle")
        server.dovecot.seed(account.address, messages(5, first=COUNT + 2))
        until(lambda: len(hook.bodies) == COUNT + 6, seconds=10, what=fetcher.log)
        assert fetcher.metric("retries_total") == 0, "nothing of it is a fault of the sink"
        assert fetcher.stop() == 0
    assert sorted(one["ce-messageid"] for one in hook.fields) == sorted(message_ids(COUNT + 6))
    assert large[0] in hook.bodies
    assert {one[":path"] for one in hook.fields} == {"/hook"}
    assert hook.connections == 1, "requests share one"
    assert fetcher.log().count("the webhook speaks HTTP/2 only") == 1


def test_an_address_that_may_not_be_dialled_is_not_dialled_by_the_library_either(server: MailServer) -> None:
    with running_http2_only(server.pki) as hook:
        found = asyncio.run(_post_by_library(hook.port, server.pki))
    assert isinstance(found, Fault)
    assert "loopback" in found.said
    assert (hook.connections, hook.strangers) == (0, 0)


@contextmanager
def refusing_http1(pki: Pki, folder: Path) -> Iterator[int]:
    """Run a server whose TLS ends in an alert where HTTP/2 is not offered."""
    [port] = free_ports(1)
    with (
        (folder / "openssl.log").open("wb") as log,
        subprocess.Popen(
            [
                "openssl",
                "s_server",
                "-accept",
                f"127.0.0.1:{port}",
                "-cert",
                pki.certificate(),
                "-key",
                pki.key(),
                "-alpn",
                "h2",
                "-quiet",
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        ) as process,
    ):

        def listens() -> bool:
            with suppress(OSError), closing(create_connection(("127.0.0.1", port), timeout=5)):
                return True
            return False

        try:
            until(listens, seconds=10, what="it listens")
            yield port
        finally:
            process.kill()


def test_a_handshake_that_is_refused_for_want_of_http_2_tells_so(server: MailServer, tmp_path: Path) -> None:
    with refusing_http1(server.pki, tmp_path) as port:
        found = asyncio.run(_post(port, server.pki))
    assert isinstance(found, Fault)
    assert found.wants_http2, found


async def _post(port: int, pki: Pki) -> object:
    ca_file = WatchedFile(str(pki.folder / "ca.pem"))
    server, _ = find_server(f"https://127.0.0.1:{port}/", ca_file=ca_file, policy=ANYTHING)
    async with asyncio.TaskGroup() as tasks:
        pool = HttpPool(server, size=1, max_body=1000, tasks=tasks)
        result = await pool.request(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", seconds=20)
        pool.close()
    return result


async def _post_by_library(port: int, pki: Pki) -> object:
    url, loop = f"https://127.0.0.1:{port}/", asyncio.get_running_loop()
    result: asyncio.Future[object] = loop.create_future()
    async with asyncio.TaskGroup() as tasks:
        way = directly(ssl_context=http_context(TlsOptions(ca_pem=pki.ca_pem)), policy=AddressPolicy())
        pool = LibraryPool(url, way=way, size=1, max_body=1000, tasks=tasks, on_free=lambda: None)
        octets = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        pool.start(Exchange(octets, spool=None, deadline=loop.time() + 20, done=result.set_result))
        await result
        pool.close()
    return result.result()
