"""The seams' suites, run by what needs no real server: IMAP and POP3 against small ones, the webhook sink, the file store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.sink import Receiver, SinkSuite
from conformance.source import Server, SourceSuite
from conformance.store import Place, StoreSuite
from mailbox_operator.fetcher.checkpoint.store import Store
from mailbox_operator.fetcher.checkpoint.store_file import FileStore
from mailbox_operator.fetcher.plan import Lmtp, Maildir, Webhook
from mailbox_operator.fetcher.plan import Source as SourcePlan
from mailbox_operator.fetcher.sink import Sink, SinkContext
from mailbox_operator.fetcher.sinks import make_sink
from mailbox_operator.mail.endpoint import Protocol, Security
from unit.fetcher.lmtp_server import LmtpServer
from unit.fetcher.mail_server import MailServer
from unit.fetcher.peer import playing
from unit.fetcher.pop3_server import Pop3Server


@dataclass
class Files:
    """Stores in one file."""

    path: Path

    @contextlib.asynccontextmanager
    async def opened(self, holder: str) -> AsyncIterator[Store]:
        del holder  # the lock is the holder
        store = FileStore(self.path)
        try:
            yield store
        finally:
            store.close()


class TestFileStore(StoreSuite):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Files(tmp_path / "state.json")


@dataclass
class Hook:
    """A webhook."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    away: bool = False

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")
            )
            body = await reader.readexactly(length)
            if self.away:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            else:
                self.bodies.append(body)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def make(self, context: SinkContext) -> Sink:
        return make_sink(Webhook(url=self.url), context)

    def received(self) -> list[bytes]:
        return self.bodies

    def take_away(self) -> None:
        self.away = True

    def bring_back(self) -> None:
        self.away = False


class TestWebhookSink(SinkSuite):
    @pytest.fixture
    async def receiver(self) -> AsyncIterator[Receiver]:
        hook = Hook()
        async with playing(hook.script) as peer:
            hook.url = f"http://127.0.0.1:{peer.port}/"
            yield hook


OFFERS = {
    "chunking": (b"PIPELINING", b"8BITMIME", b"CHUNKING"),
    "pipelining": (b"PIPELINING", b"8BITMIME", b"SIZE"),
    "step by step": (b"8BITMIME",),
}


@dataclass
class Box:
    """An LMTP server."""

    server: LmtpServer
    port: int = 0

    def make(self, context: SinkContext) -> Sink:
        lmtp = Lmtp(host="127.0.0.1", port=self.port, recipient="a@example.com", security=Security.NONE)
        return make_sink(lmtp, context)

    def received(self) -> list[bytes]:
        return self.server.messages

    def take_away(self) -> None:
        self.server.away = True

    def bring_back(self) -> None:
        self.server.away = False


class TestLmtpSink(SinkSuite):
    @pytest.fixture(params=OFFERS)
    async def receiver(self, request: pytest.FixtureRequest) -> AsyncIterator[Receiver]:
        box = Box(LmtpServer(offers=OFFERS[request.param]))
        async with playing(box.server.script) as peer:
            box.port = peer.port
            yield box


@dataclass
class Folder:
    """A Maildir; it is away while a file is in its place."""

    path: Path

    def make(self, context: SinkContext) -> Sink:
        return make_sink(Maildir(path=str(self.path / "Maildir")), context)

    def received(self) -> list[bytes]:
        files = (self.path / "Maildir/new").iterdir()
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]

    def take_away(self) -> None:
        (self.path / "Maildir").touch()

    def bring_back(self) -> None:
        (self.path / "Maildir").unlink()


class TestMaildirSink(SinkSuite):
    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Receiver:
        return Folder(tmp_path)


@dataclass
class SmallServer:
    """A mail server of a few lines."""

    inner: MailServer | Pop3Server
    protocol: Protocol
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def refusals(self) -> int:
        return self.inner.refusals

    async def start(self, password_file: Path) -> SourcePlan:
        peer = await self.stack.enter_async_context(playing(self.inner.script))
        return SourcePlan(
            protocol=self.protocol,
            host="127.0.0.1",
            port=peer.port,
            security=Security.NONE,
            username="a",
            password_file=str(password_file),
        )

    def put(self, octets: bytes) -> None:
        self.inner.put(octets)

    async def stop(self) -> None:
        await self.stack.aclose()


class TestImapSource(SourceSuite):
    @pytest.fixture
    def server(self) -> Server:
        return SmallServer(MailServer(messages={}, password=b"right"), Protocol.IMAP)


class TestPop3Source(SourceSuite):
    @pytest.fixture
    def server(self) -> Server:
        return SmallServer(Pop3Server(password=b"right"), Protocol.POP3)
