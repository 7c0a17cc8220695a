"""What `afterFetch` asks of the server, done: marked, moved, deleted; after the sink has the message, and until it is."""

import asyncio
import logging
from collections.abc import Sequence
from math import inf
from typing import Final

from mailbox_operator.fetcher.checkpoint.uid_set import render_uid_set
from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.folder import ImapFolder
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.imap.link import ImapLink
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.folders import Folder

log = logging.getLogger(__name__)

AT_ONCE: Final = 500
FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 3_600.0
"""Seconds without another try, after the server has refused."""


class AfterFetch:
    """Acts on one connection, in whichever folder is open.

    Each command may be repeated: a flag that is set stays set, and a message that is gone is not moved again. A server
    that refuses does not end the session, since delivery goes on; it is asked again after a pause.
    """

    def __init__(self, link: ImapLink, *, pipeline: Pipeline, target: Folder | None) -> None:
        self._link = link
        self._pipeline = pipeline
        self._fetch = pipeline.fetch
        self.target = target
        """Where delivered messages go."""
        self._can_expunge = bool(link.offered & {"UIDPLUS", "IMAP4REV2"})
        self._loop = asyncio.get_running_loop()
        self._failures = 0
        self._resume_at = -inf
        """On the loop's clock: the wall clock may be set back in between."""

    def is_due(self, ledger: ImapLedger) -> bool:
        """Whether anything is to be done in a folder now."""
        if self._loop.time() < self._resume_at:
            return False
        return bool(ledger.owed.at_once or self._expired(ledger, now=self._pipeline.clock()))

    async def act(self, folder: ImapFolder, ledger: ImapLedger) -> None:
        """Do what is due in the open folder. Raises MailError when the connection ends, HeldBackError."""
        try:
            while self.is_due(ledger):
                await self._act_once(folder, ledger)
        except MailError as error:
            self._link.connection.check()
            self._postpone(folder, error)
        else:
            self._failures = 0

    async def _act_once(self, folder: ImapFolder, ledger: ImapLedger) -> None:
        uids = sorted(ledger.owed.at_once)[:AT_ONCE]
        if uids:
            if self._fetch.mark_seen:
                await folder.add_flag(uids, rb"\Seen")
            if self.target:
                await self._move(folder, uids, self.target)
            elif self._fetch.delete:
                await self._delete(folder, uids)
                ledger.owed.deleted(uids)
            ledger.owed.done(uids)
            ledger.unseen.forget(uids)
        else:
            uids = self._expired(ledger, now=self._pipeline.clock())[:AT_ONCE]
            await self._delete(folder, uids)
            ledger.owed.deleted(uids)
        self._pipeline.changed()

    def _expired(self, ledger: ImapLedger, *, now: float) -> list[Uid]:
        after = self._fetch.delete_after_seconds
        return [] if after is None else ledger.owed.expired(now=now, after=after)

    async def _move(self, folder: ImapFolder, uids: Sequence[Uid], target: Folder) -> None:
        moves = bool(self._link.offered & {"MOVE", "IMAP4REV2"})
        left: Sequence[Uid] = uids
        if not moves:  # what an earlier try copied has the flag already
            undeleted = await folder.search(render_uid_set(uids).encode(), b"UNDELETED")
            left = uids if undeleted is None else undeleted
        if left:
            reply = await folder.move(left, target)
            if reply.status != "OK" and reply.code.upper() == "TRYCREATE":
                await self._link.create(target)
                reply = await folder.move(left, target)
            if reply.status != "OK":
                raise reply.failed()
        if not moves:
            await self._delete(folder, uids)

    async def _delete(self, folder: ImapFolder, uids: Sequence[Uid]) -> None:
        r"""Delete messages. Without UIDPLUS they stay with `\Deleted`: EXPUNGE would remove those of others, too."""
        await folder.add_flag(uids, rb"\Deleted")
        if self._can_expunge:
            await folder.expunge(uids)

    def _postpone(self, folder: ImapFolder, error: MailError) -> None:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self._failures)
        self._failures += 1
        self._resume_at = self._loop.time() + pause
        self._pipeline.meter.after_fetch_failures += 1
        log.warning(
            "the server refuses what afterFetch asks for",
            extra={"folder": folder.name, "said": error.text, "code": error.response_code, "wait": pause},
        )
