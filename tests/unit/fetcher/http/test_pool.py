"""The HTTP client against servers of every kind, canned."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailbox_operator.fetcher.http.connection import Exchange, Fault
from mailbox_operator.fetcher.http.pool import HttpPool, HttpServer, UrlError, parse_url
from mailbox_operator.fetcher.http.reader import Response
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.guard import ANYTHING, AddressPolicy
from support.descriptors import connections_to
from unit.fetcher.peer import Script, playing

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextlib.asynccontextmanager
async def pool_to(port: int, *, size: int = 2, policy: AddressPolicy = ANYTHING) -> AsyncIterator[HttpPool]:
    async with asyncio.TaskGroup() as tasks:
        server = HttpServer(host="127.0.0.1", port=port, ssl_context=None, policy=policy)
        pool = HttpPool(server, size=size, max_body=1000, tasks=tasks)
        try:
            yield pool
        finally:
            pool.close()


def answering(*answers: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readexactly(len(REQUEST))
            writer.write(answer)

    return script


def status(result: Response | Fault) -> int:
    assert isinstance(result, Response), result
    return result.status


async def test_a_connection_is_used_again() -> None:
    async with playing(answering(NO_CONTENT, NO_CONTENT)) as peer, pool_to(peer.port) as pool:
        assert status(await pool.request(REQUEST, seconds=5)) == 204
        assert status(await pool.request(REQUEST, seconds=5)) == 204
        assert peer.calls == 1
        assert pool.free == 2


async def test_one_that_the_server_closed_is_stale_and_no_fault_of_the_sink() -> None:
    async with playing(answering(NO_CONTENT)) as peer, pool_to(peer.port) as pool:
        assert status(await pool.request(REQUEST, seconds=5)) == 204
        result = await pool.request(REQUEST, seconds=5)
        if isinstance(result, Fault):  # the close was seen before or after the request was written
            assert result.stale
            result = await pool.request(REQUEST, seconds=5)
        assert status(result) == 204
        assert peer.calls == 2


async def test_a_new_connection_that_just_ends_is_a_fault() -> None:
    async with playing(answering(b"")) as peer, pool_to(peer.port) as pool:
        result = await pool.request(REQUEST, seconds=5)
        assert isinstance(result, Fault)
        assert not result.stale
        assert pool.free == 2


async def test_a_deadline_counts_for_the_whole_answer_however_slowly_it_trickles() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(REQUEST))
        for octet in NO_CONTENT:
            writer.write(bytes([octet]))
            await asyncio.sleep(0.1)

    async with playing(trickle) as peer, pool_to(peer.port) as pool:
        result = await pool.request(REQUEST, seconds=0.3)
        assert result == Fault("No answer within the deadline")
        assert pool.free == 2


async def test_nobody_listens() -> None:
    async with playing(answering()) as peer:
        port = peer.port
    async with pool_to(port) as pool:
        result = await pool.request(REQUEST, seconds=5)
        assert isinstance(result, Fault)
        assert f"port {port}" in result.said


async def test_an_address_that_may_not_be_dialled_is_not() -> None:
    async with playing(answering(NO_CONTENT)) as peer, pool_to(peer.port, policy=AddressPolicy()) as pool:
        result = await pool.request(REQUEST, seconds=5)
        assert isinstance(result, Fault)
        assert "loopback" in result.said
        assert peer.calls == 0


@pytest.mark.parametrize(
    "answer", [b"220 ESMTP\r\n\r\n", NO_CONTENT + b"more", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
async def test_a_connection_with_a_strange_answer_is_not_used_again(answer: bytes) -> None:
    async with playing(answering(answer)) as peer, pool_to(peer.port) as pool:
        await pool.request(REQUEST, seconds=5)
        await pool.request(REQUEST, seconds=5)
        assert peer.calls == 2


@pytest.mark.parametrize("spooled", [False, True])
async def test_an_answer_before_the_request_was_read_leaves_no_socket_behind(tmp_path: Path, *, spooled: bool) -> None:
    body, over = b"x" * (32 << 20), asyncio.Event()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typeshed has the half that writes; it reads no further
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        await over.wait()

    async with playing(refuse) as peer, pool_to(peer.port) as pool:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Response | Fault] = loop.create_future()
        spool = Spool(tmp_path)
        spool.write(memoryview(body))
        pool.start(
            Exchange(
                head if spooled else head + body,
                spool=spool if spooled else None,
                deadline=loop.time() + 60,
                done=result.set_result,
            )
        )
        assert status(await result) == 413
        await asyncio.sleep(0)  # a transport goes when the loop comes to it
        assert not connections_to(peer.port)
        assert pool.free == 2
        over.set()
        spool.close()


async def test_an_answer_longer_than_anybody_reads_is_an_answer() -> None:
    echo = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    async with playing(answering(echo)) as peer, pool_to(peer.port) as pool:
        for call in (1, 2):
            assert status(await pool.request(REQUEST, seconds=5)) == 200
            assert peer.calls == call


async def test_what_is_under_way_when_it_closes_ends_in_a_fault() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(REQUEST))
        asked.set()
        await reader.read()

    async with playing(silent) as peer, pool_to(peer.port) as pool, asyncio.TaskGroup() as tasks:
        request = tasks.create_task(pool.request(REQUEST, seconds=5))
        await asked.wait()
        assert pool.under_way == 1
        pool.close()
        assert await request == Fault("The fetcher is leaving")
        assert isinstance(await pool.request(REQUEST, seconds=5), Fault)


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("http://example.com", ("http", "example.com", 80, "/")),
        ("https://example.com/hook?a=b", ("https", "example.com", 443, "/hook?a=b")),
        ("http://[::1]:8080/", ("http", "::1", 8080, "/")),
        ("https://bücher.example/x", ("https", "xn--bcher-kva.example", 443, "/x")),
    ],
)
def test_a_url_in_parts(url: str, parsed: tuple[str, str, int, str]) -> None:
    assert parse_url(url) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/x",
        "ftp://example.com",
        "http://",
        "http://a:b@example.com/",
        "http://x:y/",
        "http://[x/",
        "http://x/ü",
        "http://x/a b",
    ],
)
def test_no_url(url: str) -> None:
    with pytest.raises(UrlError):
        parse_url(url)


def test_a_header_cannot_be_smuggled_through_the_url() -> None:
    for url in ("http://x/a\r\nX: y", "http://x/\x7f", "http://x\r\nX: y/"):
        try:
            _, host, _, target = parse_url(url)
        except UrlError:
            continue
        assert not set("\r\n\x7f") & set(host + target)
