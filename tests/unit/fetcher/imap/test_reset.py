"""A server that gives UIDs a second time, as after a backup was restored: nothing new stays hidden behind what was there."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable

import pytest

from conformance.source import Rig
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap import after
from mailbox_operator.fetcher.imap.folder_data import FolderStatus
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.plan import Fetch, Source
from mailbox_operator.mail.endpoint import Protocol, Security
from unit.fetcher.mail_server import MailServer
from unit.fetcher.peer import playing

EVERYTHING = Fetch(since_seconds=None, interval_seconds=0.05)


def mail(uids: range, *, word: str = "first") -> dict[int, bytes]:
    return {uid: f"Message-ID: <{uid}@{word}>\r\n\r\n{word} {uid}".encode() for uid in uids}


@contextlib.asynccontextmanager
async def served(server: MailServer, fetch: Fetch = EVERYTHING) -> AsyncIterator[Rig]:
    """Have a source before the server."""
    async with playing(server.script) as peer:
        with tempfile.NamedTemporaryFile() as password:
            password.write(b"x")
            password.flush()
            yield Rig(source_at(peer.port, password.name), fetch=fetch)


def source_at(port: int, password_file: str) -> Source:
    return Source(
        protocol=Protocol.IMAP,
        host="127.0.0.1",
        port=port,
        security=Security.NONE,
        username="a",
        password_file=password_file,
    )


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(rig.source.run())
        yield
        task.cancel()


async def until_held(rig: Rig, *uids: int) -> None:
    while sorted(message.id for message in rig.sink.held_now) != [*uids]:
        rig.source.look()
        await asyncio.sleep(0.01)


async def test_what_waits_for_the_sink_does_not_hide_a_new_message_with_its_uid() -> None:
    server = MailServer(messages=mail(range(1, 4)))
    async with served(server) as rig:
        rig.sink.answers = False
        async with running(rig):
            await until_held(rig, 1, 2, 3)
        server.messages = mail(range(1, 2)) | mail(range(2, 3), word="second")  # restored, and one has come since
        async with running(rig):
            while b"UID FETCH 3:* (UID INTERNALDATE RFC822.SIZE)" not in server.commands:
                rig.source.look()
                await asyncio.sleep(0.01)
            assert rig.pipeline.checkpoint.reset is None, "what waits is settled first"
            for message in tuple(rig.sink.held_now):
                rig.sink.settle(message)
            await until_held(rig, 2)
            assert rig.sink.held_now[0].message_id == b"<2@second>"
            assert rig.sink.held_now[0].may_repeat, "as far as anybody can tell"
        assert rig.pipeline.checkpoint.reset is not None
        assert [message.message_id for message in rig.sink.delivered] == [b"<1@first>", b"<2@first>", b"<3@first>"]


class Arriving(MailServer):
    """Has a message come while it is asked what there is from a UID on."""

    def _fetch(self, command: bytes) -> Iterable[bytes]:
        found = [*super()._fetch(command)]
        if command.startswith(b"UID FETCH 3:* ") and 3 not in self.messages:
            self.messages |= mail(range(3, 4), word="second")
            yield b"* 3 EXISTS"
        yield from found


async def test_what_comes_while_the_uids_are_looked_into_is_news() -> None:
    server = Arriving(messages=mail(range(1, 6)))
    async with served(server, Fetch(since_seconds=None, interval_seconds=3_600.0, mark_seen=False)) as rig:
        assert await rig.once() is None
        server.messages = mail(range(1, 3))
        async with running(rig):
            while rig.sink.delivered[-1].message_id != b"<3@second>":  # noqa: ASYNC110 - the sink has no event for it
                await asyncio.sleep(0.01)


async def test_a_server_whose_uidnext_lags_behind_its_messages_is_not_read_again() -> None:
    server = MailServer(messages=mail(range(1, 6)))
    async with served(server) as rig:
        assert await rig.once() is None
        server.uidnext = 3
        assert await rig.once() is None
        assert (len(rig.sink.delivered), rig.pipeline.checkpoint.reset) == (5, None)


async def test_a_server_that_names_no_uidnext_may_lose_its_last_message() -> None:
    server = MailServer(messages=mail(range(1, 6)), names_uidnext=False)
    async with served(server) as rig:
        assert await rig.once() is None
        del server.messages[5]
        assert await rig.once() is None
        assert (len(rig.sink.delivered), rig.pipeline.checkpoint.reset) == (5, None)


def test_a_folder_that_is_not_open_is_looked_at_where_its_uidnext_went_back() -> None:
    ledger = ImapLedger(uidvalidity=UidValidity(1), last=Uid(9), since=None, since_through=Uid(0))
    assert not ledger.is_behind(FolderStatus(b"a", UidValidity(1), Uid(10), None))
    assert ledger.is_behind(FolderStatus(b"a", UidValidity(1), Uid(9), None))


async def test_a_wall_clock_that_is_set_back_does_not_lengthen_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(after, "FIRST_PAUSE", 0.05)
    server = MailServer(messages=mail(range(1, 2)), refusing=1)
    async with served(server) as rig:
        rig.pipeline.clock = lambda: 1_800_000_000.0 if server.refusing else 1_700_000_000.0
        async with running(rig):
            await server.marked.wait()
        assert server.seen == {1}


async def test_a_folder_that_the_plan_names_no_longer_is_not_pending() -> None:
    server = MailServer(messages=mail(range(1, 2)))
    async with served(server) as rig:
        dropped = ImapLedger(uidvalidity=UidValidity(1), last=Uid(0), since=None, since_through=Uid(0))
        dropped.announce([Uid(1), Uid(2)], through=Uid(2))
        rig.checkpoint.folders["Old"] = dropped
        assert await rig.once() is None
        assert (rig.pipeline.pending, list(rig.pipeline.folders())) == (0, ["INBOX"])
        assert "Old" in rig.checkpoint.folders, "should it be named again"
