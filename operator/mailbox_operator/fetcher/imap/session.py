"""A signed-in session with all chosen folders over one connection: the first is idled on, the others are told or asked of."""

import asyncio
import logging
from typing import Final, NamedTuple

from mailbox_operator.fetcher.imap.after import AfterFetch
from mailbox_operator.fetcher.imap.choice import choose_folders
from mailbox_operator.fetcher.imap.connection import FetchConnection
from mailbox_operator.fetcher.imap.folder import Foreseen, render_select
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.imap.link import ImapLink
from mailbox_operator.fetcher.imap.open_folder import SETTLED_SECONDS, OpenFolder, open_folder
from mailbox_operator.fetcher.imap.patience import Patience
from mailbox_operator.fetcher.imap.sign_in import Door, open_imap
from mailbox_operator.fetcher.imap.windows import foresee_window
from mailbox_operator.fetcher.pipeline import Pipeline, follows_up
from mailbox_operator.fetcher.source import SourceContext
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.folders import Folder, has_spellings, needs_listing, plain_name, spell_folders
from mailbox_operator.mail.imap.data import mailbox_argument
from mailbox_operator.mail.secret import Secret

log = logging.getLogger(__name__)

IDLE_LIMIT: Final = 28 * 60.0
"""Seconds: a server may log out who idles for 29 minutes (RFC 2177)."""
NOTIFY_LIMIT: Final = 100
"""Folders that the server is asked to tell of: their names are one command."""
ACTS_AFTER: Final = 0.2
"""Seconds in which delivered messages gather before IDLE is left to act on them."""


async def open_imap_session(context: SourceContext, credential: Secret) -> "ImapSession":
    """Sign in (`OpenSession`). Raises LoginRefusedError, MailError."""
    ahead = _ahead(context.pipeline)
    door = Door(
        source=context.plan,
        policy=context.policy,
        max_message=context.pipeline.fetch.max_message_size,
        spool_folder=context.spool_folder,
        ahead=ahead.commands,
        head_start=context.head_start,
    )
    connection, offered = await open_imap(door, credential)
    return ImapSession(connection, offered, pipeline=context.pipeline, silence=context.silence, foreseen=ahead.foreseen)


class Ahead(NamedTuple):
    """What is asked first, where that is known before anything is heard: it spares round trips."""

    commands: tuple[bytes, ...] = ()
    foreseen: Foreseen | None = None
    """What the last of them lists."""


def _ahead(pipeline: Pipeline) -> Ahead:
    fetch = pipeline.fetch
    if needs_listing(fetch.folders, fetch.exclude) or fetch.move_to is not None:
        return Ahead()
    name = plain_name(fetch.folders[0])
    if has_spellings(name):
        return Ahead()
    [folder] = spell_folders((name,), listed=())
    opening = render_select(mailbox_argument(folder.wire, literals=False), read_only=not follows_up(fetch))
    ledger = pipeline.checkpoint.folders.get(name)
    foreseen = foresee_window(ledger if isinstance(ledger, ImapLedger) else None, fetch)
    return Ahead((opening, foreseen.command) if foreseen else (opening,), foreseen)


class ImapSession:
    """Runs on a signed-in connection."""

    def __init__(
        self,
        connection: FetchConnection,
        offered: frozenset[str],
        *,
        pipeline: Pipeline,
        silence: float,
        foreseen: Foreseen | None = None,
    ) -> None:
        self._connection = connection
        self._fetch = pipeline.fetch
        self._pipeline = pipeline
        self._valve = pipeline.valve
        self._link = ImapLink(connection, offered, patience=Patience(connection, pipeline.valve, silence=silence))
        self._after = AfterFetch(self._link, pipeline=pipeline, target=None)
        self._may_idle = pipeline.fetch.push and "IDLE" in offered
        self._may_notify = self._may_idle and "NOTIFY" in offered
        self._notified: tuple[Folder, ...] = ()
        """Of which folders the server was asked to tell."""
        self._says_who = "ID" in offered
        self._foreseen = foreseen
        """Of the first folder."""
        self._folders: tuple[Folder, ...] = ()
        self._open: OpenFolder | None = None
        self._acts_timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        connection.watches_flags = pipeline.fetch.unseen_only or not pipeline.fetch.deduplicate

    async def run(self, *, once: bool) -> None:
        """Catch up, and unless `once` watch until the connection ends. Raises MailError and HeldBackError."""
        self._valve.listeners.add(self._pause_or_resume)
        self._pause_or_resume()
        self._pipeline.follow_ups_due = self._acts_due
        try:
            began = self._pipeline.clock()
            await self._choose()
            for folder in self._folders:
                await self._visit(folder)
            self._pipeline.checkpoint.listed_seconds = began
            self._pipeline.changed()
            if once:
                await self._end()
            else:
                await self._watch()
        except MailError:
            if self._open:
                self._open.tear()
            raise
        finally:
            self._valve.listeners.discard(self._pause_or_resume)
            self._pipeline.follow_ups_due = _nothing
            if self._acts_timer:
                self._acts_timer.cancel()

    def abort(self, fault: MailError) -> None:
        """End `run` at once, in `fault`."""
        self._connection.abort(fault)

    async def close(self) -> None:
        """LOGOUT where the server still listens, and close."""
        self._connection.log_out()
        self._connection.leave()
        await self._connection.wait_closed()

    async def _choose(self) -> None:
        """Find out which folders are meant."""
        self._folders, target = await choose_folders(self._link, self._pipeline)
        self._after.target = target
        self._pipeline.watched = frozenset(folder.name for folder in self._folders)
        if not self._folders:
            raise MailError(
                f"no folder matches {', '.join(self._fetch.folders)}", area=Area.IMAP, response_code="NONEXISTENT"
            )

    async def _visit(self, folder: Folder) -> None:
        """Open a folder and fetch everything up to now; one of several that cannot be opened is passed over."""
        foreseen, self._foreseen = self._foreseen, None
        try:
            self._open, through = await open_folder(
                folder, link=self._link, pipeline=self._pipeline, say_who=self._says_who, foreseen=foreseen
            )
        except MailError as error:
            self._connection.check()
            if len(self._folders) == 1:
                raise
            self._open = None
            log.warning("a folder cannot be opened", extra={"folder": folder.name, "said": error.text})
            return
        self._says_who = False
        opened = self._open
        await opened.catch_up(through=through, after=self._after)
        if len(self._folders) > 1:
            self._pipeline.hurry()
            until = self._loop.time() + SETTLED_SECONDS
            await self._link.patience.until(lambda: not opened.ledger.pending or self._loop.time() > until)
            await opened.act(self._after)

    async def _end(self) -> None:
        """Wait until everything is settled, and do what is owed for it."""
        self._pipeline.hurry()
        ledgers = {folder.name: self._ledger(folder) for folder in self._folders}
        await self._link.patience.until(lambda: not any(ledger and ledger.pending for ledger in ledgers.values()))
        await self._act()

    async def _watch(self) -> None:
        """Wait for news and fetch them, until the connection ends."""
        polled_at = self._loop.time()
        while True:
            await self._have_told()
            await self._act()
            current = await self._return()
            before = await self._wait(until=polled_at + self._fetch.interval_seconds)
            due = self._loop.time() - polled_at >= self._fetch.interval_seconds
            told = self._connection.others_changed
            if not (before or due or told or self._connection.news.is_set()):
                await self._link.run(b"NOOP")  # it is asked whether it is there, and nothing else before its time
                continue
            self._connection.news.clear()
            await current.look(before=before)
            if due:
                polled_at = self._loop.time()
                await self._poll()
            elif told:
                await self._look_at_others()

    async def _have_told(self) -> None:
        """Ask the server once to tell of the folders that are not open; of very many it is not asked.

        One that had too much to tell is asked to tell of the open folder, as before it was asked for more.
        """
        if self._connection.tells_nothing:
            self._connection.tells_nothing = False
            if self._may_notify:
                self._may_notify = False
                await self._link.notify(())
        if self._may_notify and self._notified != self._folders and 1 < len(self._folders) <= NOTIFY_LIMIT:
            self._notified = self._folders
            await self._link.notify(self._folders)

    async def _return(self) -> OpenFolder:
        """Have the first folder open that can be."""
        if self._open and self._open.folder.folder == self._folders[0]:
            return self._open
        for folder in self._folders:
            await self._visit(folder)
            if self._open:
                return self._open
        raise MailError("none of the chosen folders can be opened", area=Area.IMAP, response_code="NONEXISTENT")

    async def _wait(self, *, until: float) -> bytes:
        """Wait for news; return what ends the waiting on the wire."""
        if self._connection.others_changed:
            return b""
        seconds = min(max(until - self._loop.time(), 0.0), IDLE_LIMIT)
        if self._may_idle and not self._connection.news.is_set():
            idle = self._connection.send(b"IDLE")
            if await self._link.patience.continuation(idle):
                self._connection.is_idling = True
                await self._link.patience.news(seconds=seconds)
                self._connection.is_idling = False
                return b"DONE\r\n"
            self._may_idle = False  # it said that it could
        elif not self._may_idle:
            await self._link.patience.news(seconds=seconds)
        return b""

    async def _poll(self) -> None:
        """See which folders there are by now, and what is new in them."""
        began = self._pipeline.clock()
        await self._choose()
        await self._look_at_others()
        self._pipeline.checkpoint.listed_seconds = began

    async def _look_at_others(self) -> None:
        """See which folders that are not open have something new, and visit those."""
        others = [folder for folder in self._folders if not self._open or folder != self._open.folder.folder]
        told = {status.wire: status for status in await self._link.status(others)}
        for folder in others:
            ledger, status = self._ledger(folder), told.get(folder.wire)
            if ledger is None or status is None or ledger.is_behind(status):
                await self._visit(folder)

    async def _act(self) -> None:
        """Do everywhere what is due on the server."""
        for folder in self._folders:
            ledger = self._ledger(folder)
            if ledger is None or not self._after.is_due(ledger):
                continue
            if not self._open or self._open.folder.folder != folder:
                await self._visit(folder)
            else:
                await self._open.act(self._after)

    def _ledger(self, folder: Folder) -> ImapLedger | None:
        found = self._pipeline.checkpoint.folders.get(folder.name)
        return found if isinstance(found, ImapLedger) else None

    def _acts_due(self, _folder: str) -> None:
        """Leave IDLE soon to act on all messages delivered until then."""
        if self._acts_timer is None and follows_up(self._fetch):
            self._acts_timer = self._loop.call_later(ACTS_AFTER, self._end_idle)

    def _end_idle(self) -> None:
        self._acts_timer = None
        self._connection.news.set()

    def _pause_or_resume(self) -> None:
        if self._valve.is_open:
            self._connection.resume()
        else:
            self._connection.pause()


def _nothing(_folder: str) -> None:
    """Nobody waits for it."""
