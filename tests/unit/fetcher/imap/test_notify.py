"""A server that tells of folders that are not open (RFC 5465), with the holes that leaves: no mail waits for the interval."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from conformance.source import Rig
from mailbox_operator.fetcher.plan import Fetch, Source
from mailbox_operator.mail.endpoint import Protocol, Security
from unit.fetcher.mail_server import MailServer
from unit.fetcher.peer import playing

HOURLY = Fetch(since_seconds=None, interval_seconds=3_600.0, folders=("*",), mark_seen=False)
NAME = re.compile(rb'"([^"]*)"')


@dataclass(kw_only=True)
class Notifying(MailServer):
    """Two folders; tells of the one that is not open once it is asked to, and of the open one until it has too much to tell."""

    messages: dict[int, bytes] = field(default_factory=dict)
    capabilities: bytes = b"IMAP4rev1 IDLE NOTIFY"
    others: MailServer = field(default_factory=lambda: MailServer(messages={}))
    """The second folder."""
    just_before: bytes | None = None
    """A message that comes into the second folder when the server is just about to be asked to tell of it."""
    refuses: bool = False
    asked: list[bytes] = field(default_factory=list)
    telling: bool = False
    """Of folders that are not open."""
    silent: bool = False
    """Tells of no folder at all, as after NOTIFY NONE."""
    opened: MailServer | None = None
    lines: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """To be said while the client idles."""

    def put_second(self, octets: bytes) -> None:
        """Let a message arrive in the second folder."""
        self.others.put(octets)
        if self.telling:
            self.lines.put_nowait(b'* STATUS "Second" (MESSAGES %d UIDNEXT %d)\r\n' % self.second)

    @property
    def second(self) -> tuple[int, int]:
        """How many messages, and the next UID."""
        return len(self.others.messages), max(self.others.messages, default=0) + 1

    def overflow(self) -> None:
        """Have too much to tell."""
        self.telling, self.silent = False, True
        self.lines.put_nowait(b"* OK [NOTIFICATIONOVERFLOW] enough\r\n")

    def put_first(self, octets: bytes) -> None:
        """Let a message arrive in the folder that is idled on."""
        self.put(octets)
        if not self.silent:
            self.lines.put_nowait(b"* %d EXISTS\r\n" % len(self.messages))

    async def _idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.idling.set()
        done = asyncio.ensure_future(reader.readline())
        while not done.done():
            line = asyncio.ensure_future(self.lines.get())
            await asyncio.wait((done, line), return_when=asyncio.FIRST_COMPLETED)
            if line.done():
                writer.write(line.result())
            else:
                line.cancel()
        assert (await done).strip() in {b"DONE", b""}
        self.idling.clear()

    def _answer(self, command: bytes) -> Iterable[bytes]:
        word = command.split(b" ")[0]
        name = found[1] if (found := NAME.search(command)) else b""
        if word == b"LIST":
            return [b'* LIST () "/" "INBOX"', b'* LIST () "/" "Second"', b"TAG OK done"]
        if word == b"STATUS":
            return [b'* STATUS "Second" (MESSAGES %d UIDNEXT %d UIDVALIDITY 5)' % self.second, b"TAG OK done"]
        if word == b"NOTIFY":
            return self._notify(command)
        if word in {b"SELECT", b"EXAMINE"}:
            self.opened = self.others if name == b"Second" else None
        if word == b"UID" or word in {b"SELECT", b"EXAMINE"}:
            return self.opened._answer(command) if self.opened else super()._answer(command)
        return super()._answer(command)

    def _notify(self, command: bytes) -> Iterator[bytes]:
        if self.just_before:
            self.others.put(self.just_before)
            self.just_before = None
        self.asked.append(command)
        if self.refuses:
            yield b"TAG NO [BADEVENT (MessageNew)] cannot"
            return
        self.telling, self.silent = b"MAILBOXES" in command, b"SELECTED" not in command
        yield b"TAG OK done"


def mail(number: int) -> bytes:
    return f"Message-ID: <{number}@x>\r\n\r\n{number}".encode()


@asynccontextmanager
async def watching(server: Notifying, folder: Path) -> AsyncIterator[Rig]:
    """Have a source that watches the server, idling by now."""
    (folder / "password").write_text("x")
    async with asyncio.timeout(50), playing(server.script) as peer:
        plan = Source(
            protocol=Protocol.IMAP,
            host="127.0.0.1",
            port=peer.port,
            security=Security.NONE,
            username="a",
            password_file=str(folder / "password"),
        )
        rig = Rig(plan, fetch=HOURLY)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(rig.source.run())
            await server.idling.wait()
            yield rig
            task.cancel()


async def until_delivered(rig: Rig, *numbers: int) -> None:
    wanted = [f"<{number}@x>".encode() for number in numbers]
    while [message.message_id for message in rig.sink.delivered] != wanted:  # noqa: ASYNC110 - the sink has no event for it
        await asyncio.sleep(0.01)


async def test_what_is_told_of_is_fetched_at_once(tmp_path: Path) -> None:
    server = Notifying()
    async with watching(server, tmp_path) as rig:
        server.put_second(mail(1))
        await until_delivered(rig, 1)
        server.put_first(mail(2))
        await until_delivered(rig, 1, 2)
    assert len(server.asked) == 1


async def test_what_comes_just_before_the_server_is_asked_to_tell_is_fetched_at_once_too(tmp_path: Path) -> None:
    server = Notifying(just_before=mail(1))
    async with watching(server, tmp_path) as rig:
        await until_delivered(rig, 1)


async def test_a_server_with_too_much_to_tell_is_idled_on_all_the_same(tmp_path: Path) -> None:
    server = Notifying()
    async with watching(server, tmp_path) as rig:
        server.overflow()
        server.put_second(mail(1))
        await until_delivered(rig, 1)
        while len(server.asked) < 2:  # noqa: ASYNC110 - nor has the server
            await asyncio.sleep(0.01)
        server.put_first(mail(2))
        await until_delivered(rig, 1, 2)
    assert b"MAILBOXES" not in server.asked[1], "of the open folder only"


async def test_a_server_that_refuses_is_asked_once(tmp_path: Path) -> None:
    server = Notifying(refuses=True)
    async with watching(server, tmp_path) as rig:
        for number in range(1, 4):
            server.put_first(mail(number))
            await until_delivered(rig, *range(1, number + 1))
    assert len(server.asked) == 1
