"""What a webhook is sent beyond the message: signatures, JSON, what changes while messages wait, the way through a proxy."""

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from conformance.sink import Listener, SinkSuite, octets_of, parcel
from mailbox_operator.fetcher.plan import Webhook
from mailbox_operator.fetcher.sink import Sink
from mailbox_operator.fetcher.sinks import make_sink
from mailbox_operator.fetcher.spool import Spool
from unit.fetcher.peer import playing

KEY, NEXT = (b64encode(octet * 32).decode() for octet in (b"k", b"n"))


@dataclass
class Hook:
    """Remembers each request; `status` is what it answers."""

    status: int = 204
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            fields = {name.lower(): value for name, value in fields.items()}
            body = await reader.readexactly(int(fields["content-length"]))
            self.requests.append((head[0], fields, body))
            self.news.set()
            writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % self.status)

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(40):
            while len(self.requests) < count:
                self.news.clear()
                await self.news.wait()


@contextlib.asynccontextmanager
async def sink_to(webhook: Webhook, listener: Listener) -> AsyncIterator[Sink]:
    async with asyncio.TaskGroup() as tasks:
        sink = make_sink(webhook, SinkSuite().context(listener))
        sink.start(tasks)
        yield sink
        sink.stop()
        sink.close()


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    made = Hook()
    async with playing(made.script) as peer:
        yield made, f"http://127.0.0.1:{peer.port}/in"


async def test_a_request_is_signed_whether_in_memory_or_on_disk(hook: tuple[Hook, str], tmp_path: Path) -> None:
    receiver, url = hook
    (tmp_path / "key").write_text(f"whsec_{KEY}")
    spool = Spool(tmp_path)
    spool.write(memoryview(octets_of(2, size=1 << 20)))
    listener = Listener()
    async with sink_to(Webhook(url=url, signing_key_file=str(tmp_path / "key")), listener) as sink:
        sink.offer([parcel(octets_of(1), uid=1)])
        sink.offer([parcel(octets_of(2, size=1 << 20), uid=2, body=spool)])
        await listener.wait(2)
    for _, fields, body in receiver.requests:
        # the library reads JSON out of what it has checked; checked is enough here
        with pytest.raises(json.JSONDecodeError):
            Reference(KEY).verify(body, fields)
    assert len({fields["webhook-id"] for _, fields, _ in receiver.requests}) == 2


async def test_what_waits_is_sent_with_the_secrets_of_the_moment(hook: tuple[Hook, str], tmp_path: Path) -> None:
    receiver, url = hook
    receiver.status = 401
    (tmp_path / "headers").mkdir()
    (tmp_path / "headers/Authorization").write_text("Bearer wrong")
    listener = Listener()
    async with sink_to(Webhook(url=url, headers_folder=str(tmp_path / "headers")), listener) as sink:
        sink.offer([parcel(octets_of(1), uid=1)])
        await receiver.wait(1)
        (tmp_path / "headers/Authorization").write_text("Bearer right")
        receiver.status = 204
        sink.look()
        await listener.wait(1)
    assert [fields["authorization"] for _, fields, _ in receiver.requests] == ["Bearer wrong", "Bearer right"]
    bodies = {body for _, _, body in receiver.requests}
    assert bodies == {octets_of(1)}


async def test_with_a_secret_that_cannot_be_used_nothing_is_sent_and_it_is_said(
    hook: tuple[Hook, str], tmp_path: Path
) -> None:
    receiver, url = hook
    (tmp_path / "key").write_text("canary")
    listener = Listener()
    async with sink_to(Webhook(url=url, signing_key_file=str(tmp_path / "key")), listener) as sink:
        sink.offer([parcel(octets_of(1), uid=1)])
        health = sink.health(now=asyncio.get_running_loop().time())
        assert (health.failing, health.reason) == (True, "SinkMisconfigured")
        assert "canary" not in health.said
        (tmp_path / "key").write_text(KEY)
        sink.look()
        await listener.wait(1)
        assert sink.health(now=0).reason == ""
    assert len(receiver.requests) == 1


async def test_parsed_messages_are_json_whether_in_memory_or_on_disk(hook: tuple[Hook, str], tmp_path: Path) -> None:
    receiver, url = hook
    spool = Spool(tmp_path)
    spool.write(memoryview(octets_of(2, size=5 << 20)))
    listener = Listener()
    async with sink_to(Webhook(url=url, format="Parsed"), listener) as sink:
        sink.offer([parcel(octets_of(1), uid=1)])
        sink.offer([parcel(octets_of(2, size=5 << 20), uid=2, body=spool)])
        await listener.wait(2)
    assert spool.is_closed
    events = sorted((json.loads(body) for _, _, body in receiver.requests), key=lambda event: str(event["id"]))
    assert [event["id"] for event in events] == ["5d1c/INBOX/7/1", "5d1c/INBOX/7/2"]
    assert [len(event["data"]["text"]) for event in events] == [21, (2 << 20)]
    assert {fields["content-type"] for _, fields, _ in receiver.requests} == {
        "application/cloudevents+json; charset=utf-8"
    }


async def test_a_proxy_is_asked_where_one_is_named(
    hook: tuple[Hook, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, proxy = hook
    monkeypatch.setenv("HTTP_PROXY", proxy.removesuffix("/in"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    spool = Spool(tmp_path)
    spool.write(memoryview(octets_of(2)))
    listener = Listener()
    async with sink_to(Webhook(url="http://hook.example/in?team=a"), listener) as sink:
        sink.offer([parcel(octets_of(1), uid=1)])
        sink.offer([parcel(octets_of(2), uid=2, body=spool)])
        await listener.wait(2)
    assert {line for line, _, _ in receiver.requests} == {"POST http://hook.example/in?team=a HTTP/1.1"}
    assert sorted(body for _, _, body in receiver.requests) == [octets_of(1), octets_of(2)]
    assert {fields["host"] for _, fields, _ in receiver.requests} == {"hook.example"}
    assert {fields["ce-id"] for _, fields, _ in receiver.requests} == {"5d1c/INBOX/7/1", "5d1c/INBOX/7/2"}
