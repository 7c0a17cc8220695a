"""A session with one folder: catch up, then wait for news, for as long as the connection lasts."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, NamedTuple

from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap_adoption import adopt_folder
from mailbox_operator.fetcher.imap_batches import FIRST_WINDOW, next_window
from mailbox_operator.fetcher.imap_connection import ImapConnection, Reply
from mailbox_operator.fetcher.imap_data import Listed, seconds_of_date
from mailbox_operator.fetcher.imap_download import Download
from mailbox_operator.fetcher.imap_folder import ImapFolder
from mailbox_operator.fetcher.imap_ledger import ImapLedger
from mailbox_operator.fetcher.imap_patience import Patience
from mailbox_operator.fetcher.imap_sign_in import Door, open_imap
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.fetcher.uid_set import render_uid_set
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.secret import Secret

log = logging.getLogger(__name__)

SEARCH_WINDOW: Final = 20_000
"""UIDs in one SEARCH: its answer is one line."""
SEARCH_LIST: Final = 500
"""Found UIDs in one command, which so stays below 8,000 octets."""
IDLE_LIMIT: Final = 28 * 60.0
"""Seconds: a server may log out who idles for 29 minutes (RFC 2177)."""
MARKS_AT_ONCE: Final = 500
MARKS_AFTER: Final = 0.2
"""Seconds in which marks gather before IDLE is left for them."""


async def open_imap_session(context: SourceContext, credential: Secret) -> "ImapSession":
    """Sign in (`OpenSession`). Raises LoginRefusedError, MailError."""
    fetch = context.pipeline.fetch
    door = Door(
        source=context.plan,
        policy=context.policy,
        max_message=fetch.max_message_size,
        spool_folder=context.spool_folder,
    )
    connection, offered = await open_imap(door, credential)
    return ImapSession(connection, offered, pipeline=context.pipeline)


class Window(NamedTuple):
    """A part of the folder: the listing under way, None where nothing in it is wanted, and its last UID."""

    asked: asyncio.Future[Reply] | None
    through: Uid


class ImapSession:
    """Runs on a signed-in connection."""

    def __init__(self, connection: ImapConnection, offered: frozenset[str], *, pipeline: Pipeline) -> None:
        self._connection = connection
        self._offered = offered
        self._fetch = pipeline.fetch
        self._pipeline = pipeline
        self._valve = pipeline.valve
        self._patience = Patience(connection, pipeline.valve)
        self._folder = ImapFolder(pipeline.fetch.folders[0], connection=connection, patience=self._patience)
        self._marks_timer: asyncio.TimerHandle | None = None

    async def run(self, *, once: bool) -> None:
        """Catch up, and unless `once` watch until the connection ends. Raises MailError and HeldBackError."""
        try:
            ledger, download, may_mark = await self._open()
            if once:
                await self._patience.until(lambda: not ledger.pending)
                await self._mark(ledger, may_mark=may_mark)
            else:
                await self._watch(ledger, download, may_mark=may_mark)
        finally:
            self._valve.listeners.discard(self._pause_or_resume)
            self._pipeline.follow_ups_due = _nothing
            if self._marks_timer:
                self._marks_timer.cancel()

    def abort(self, fault: MailError) -> None:
        """End `run` at once, in `fault`."""
        self._connection.abort(fault)

    async def close(self) -> None:
        """LOGOUT where the server still listens, and close."""
        try:
            await self._connection.log_out()
        finally:
            self._connection.close()

    async def _open(self) -> tuple[ImapLedger, Download, bool]:
        """Select the folder and fetch everything up to now."""
        connection = self._connection
        selected = await self._folder.select(read_only=not self._fetch.mark_seen, say_who="ID" in self._offered)
        ledger = adopt_folder(self._pipeline, self._folder.name, selected)
        download = Download(self._folder, ledger=ledger, pipeline=self._pipeline, patience=self._patience)
        connection.on_message = download.receive
        self._valve.listeners.add(self._pause_or_resume)
        self._pause_or_resume()
        self._pipeline.follow_ups_due = self._marks_due
        connection.news.clear()
        await self._catch_up(ledger, download, through=selected.uidnext - 1, may_mark=selected.may_write)
        return ledger, download, selected.may_write

    async def _catch_up(self, ledger: ImapLedger, download: Download, *, through: int, may_mark: bool) -> None:
        async with aclosing(self._windows(ledger, through=through)) as windows:
            upcoming = await anext(windows, None)
            while upcoming:
                listed = await self._folder.take_list(upcoming.asked) if upcoming.asked else []
                window = upcoming
                # The next listing leaves before this window's bodies are asked for: then it is here when they are.
                upcoming = await windows.asend(len(listed)) if window.through < through else None
                await self._patience.until(lambda: not ledger.is_crowded)
                await download.add(_wanted(listed, ledger), through=window.through)
                if len(ledger.unmarked) >= MARKS_AT_ONCE:
                    await self._mark(ledger, may_mark=may_mark)
        await download.finish()

    async def _windows(self, ledger: ImapLedger, *, through: int) -> AsyncGenerator[Window, int]:
        """Ask for listings of what is not known yet, window by window; send in how many messages the last one had."""
        first, width = ledger.through + 1, FIRST_WINDOW
        while first <= through:
            since = ledger.since if first <= ledger.since_through else None
            if since is None:
                last = min(first + width - 1, through)
                asked = self._folder.ask_list(b"%d:%d" % (first, last))
                found_there = yield Window(asked, Uid(last))
                width, first = next_window(width, found=found_there), last + 1
                continue
            last = min(first + SEARCH_WINDOW - 1, ledger.since_through, through)
            found = await self._folder.search_since(first, last, since=since)
            for start in range(0, len(found), SEARCH_LIST):
                part = found[start : start + SEARCH_LIST]
                yield Window(self._folder.ask_list(render_uid_set(part).encode()), part[-1])
            yield Window(None, Uid(last))
            first = last + 1

    async def _watch(self, ledger: ImapLedger, download: Download, *, may_mark: bool) -> None:
        """Wait for news and fetch them, until the connection ends."""
        connection = self._connection
        may_idle = self._fetch.push and "IDLE" in self._offered
        while True:
            await self._mark(ledger, may_mark=may_mark)
            before, seconds = b"", min(self._fetch.interval_seconds, IDLE_LIMIT)
            idle = connection.send(b"IDLE") if may_idle and not connection.news.is_set() else None
            if idle is not None:
                if await self._patience.continuation(idle):
                    connection.is_idling = True
                    await self._patience.news(seconds=seconds)
                    connection.is_idling = False
                    before = b"DONE\r\n"
                else:
                    may_idle = False  # it said that it could
            elif not may_idle:
                await self._patience.news(seconds=self._fetch.interval_seconds)
            connection.news.clear()
            await self._look(ledger, download, before=before)

    async def _look(self, ledger: ImapLedger, download: Download, *, before: bytes) -> None:
        """See what is new; the server says so after NOOP, if not before."""
        connection = self._connection
        noop = connection.send(b"NOOP", before=before)
        asked = self._folder.ask_list(b"%d:*" % (ledger.through + 1))
        await self._patience.reply(noop)
        # `n:*` names the last message even where all are below n (RFC 9051 section 6.4.9).
        listed = [message for message in await self._folder.take_list(asked) if message.uid > ledger.through]
        if listed:
            await download.add(listed, through=listed[-1].uid)
            await download.finish()

    async def _mark(self, ledger: ImapLedger, *, may_mark: bool) -> None:
        while ledger.unmarked:
            uids = sorted(ledger.unmarked)[:MARKS_AT_ONCE]
            if may_mark:
                await self._folder.mark_seen(uids)
            ledger.marked(uids)
            self._pipeline.changed()

    def _marks_due(self, _folder: str) -> None:
        """Leave IDLE soon to set flags, for all messages delivered until then."""
        if self._marks_timer is None:
            self._marks_timer = asyncio.get_running_loop().call_later(MARKS_AFTER, self._end_idle)

    def _end_idle(self) -> None:
        self._marks_timer = None
        self._connection.news.set()

    def _pause_or_resume(self) -> None:
        if self._valve.is_open:
            self._connection.resume()
        else:
            self._connection.pause()


def _nothing(_folder: str) -> None:
    """Nobody waits for marks."""


def _wanted(listed: list[Listed], ledger: ImapLedger) -> list[Listed]:
    """Leave out what is too old for the first sync: SEARCH knows days only."""
    since, through = ledger.since, ledger.since_through
    if since is None:
        return listed
    return [
        message
        for message in listed
        if message.uid > through or (seconds_of_date(message.internaldate) or since) >= since
    ]
