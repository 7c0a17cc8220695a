"""Messages asked for in batches, several outstanding, so that no round trip is idle."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailbox_operator.fetcher.checkpoint.uid_set import render_uid_set
from mailbox_operator.fetcher.ids import MessageId, Uid, uid_of
from mailbox_operator.fetcher.imap.assembler import Fetched
from mailbox_operator.fetcher.imap.batches import plan_batches
from mailbox_operator.fetcher.imap.data import Listed
from mailbox_operator.fetcher.imap.folder import ImapFolder
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.imap.patience import Patience
from mailbox_operator.fetcher.message import Arrival, Body
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.imap.connection import Reply

OUTSTANDING: Final = 3
TRIES: Final = 3
"""So often the server may fail to hand a message out before it is given up."""
SERVERS_OWN: Final = frozenset({"UNAVAILABLE", "INUSE"})
"""Codes of a fault that passes and is no message's: while the store is away, none could be handed out (RFC 5530)."""
TORN: Final = 10
"""So often in a row the connection may end at one message."""


class Batch(NamedTuple):
    """Messages asked for in one command."""

    uids: Sequence[Uid]
    reply: asyncio.Future[Reply]


class Download:
    """Asks for messages of one selected folder and passes them on: `add` as often as needed, then `finish`.

    Raises MailError and HeldBackError.
    """

    def __init__(
        self,
        folder: ImapFolder,
        *,
        ledger: ImapLedger,
        pipeline: Pipeline,
        patience: Patience,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._fetch = pipeline.fetch
        self._pipeline = pipeline
        self._patience = patience
        self._expected: dict[MessageId, None] = {}
        self._batches: deque[Batch] = deque()
        self._missing: list[Uid] = []
        self._too_large: list[Uid] = []

    async def add(self, listed: Sequence[Listed], *, through: Uid) -> None:
        """Take up what was listed up to `through`, and ask for what is new of it."""
        fresh = set(self._ledger.announce((message.uid for message in listed), through=through))
        await self._ask_for([message for message in listed if message.uid in fresh])

    async def _ask_for(self, listed: Sequence[Listed]) -> None:
        limit = self._fetch.max_message_size
        self._too_large += [message.uid for message in listed if message.size > limit]
        for batch in plan_batches(message for message in listed if message.size <= limit):
            await self._ask([message.uid for message in batch], header_only=False)

    async def again(self, listed: Sequence[Listed], uids: Sequence[Uid]) -> None:
        """Ask once more for `uids`, of which those in `listed` are still there."""
        there = {message.uid for message in listed}
        for uid in uids:
            if uid not in there:
                self._pipeline.settle(self._folder.name, uid)
        await self._ask_for(listed)
        await self.finish()

    async def finish(self) -> None:
        """Wait until all that was asked for has come, and see to what did not."""
        await self._drain(below=1)
        too_large, self._too_large = self._too_large, []
        if self._fetch.oversize == "Skip":
            for uid in too_large:
                self._pipeline.skip(self._folder.name, uid)
        else:
            for message in too_large:
                await self._ask([message], header_only=True)
            await self._drain(below=1)
            for uid in self._too_large:  # a header above the limit
                self._pipeline.skip(self._folder.name, uid)
            self._too_large = []
        await self._see_to_missing()

    async def _ask(self, uids: list[Uid], *, header_only: bool) -> None:
        await self._drain(below=OUTSTANDING)
        self._expected.update(dict.fromkeys(uids))
        self._batches.append(Batch(uids, self._folder.ask_bodies(uids, header_only=header_only)))

    async def _drain(self, *, below: int) -> None:
        """Wait until fewer than `below` batches are outstanding."""
        while len(self._batches) >= below:
            batch = self._batches.popleft()
            await self._patience.reply(batch.reply)
            for uid in batch.uids:
                if uid in self._expected:
                    del self._expected[uid]
                    self._missing.append(uid)

    async def _see_to_missing(self) -> None:
        """Be done with messages that are gone; ask for others one by one, and give up one that never comes."""
        missing, self._missing = sorted(self._missing), []
        if not missing:
            return
        there = {message.uid for message in await self._folder.list_messages(render_uid_set(missing).encode())}
        failed: MailError | None = None
        for uid in missing:
            if uid not in there:
                self._pipeline.settle(self._folder.name, uid)
                continue
            self._expected[uid] = None
            reply = await self._patience.reply(self._folder.ask_bodies([uid], header_only=False))
            if uid not in self._expected:
                continue
            del self._expected[uid]
            failed = MailError(
                reply.text or "no message came", area=Area.IMAP, status=reply.status, response_code=reply.code
            )
            if reply.code.upper() in SERVERS_OWN:
                break
            if self._pipeline.checkpoint.count_try(self._folder.name, uid) >= TRIES:
                self._pipeline.quarantine(self._folder.name, uid, f"The server does not hand it out: {failed.text}")
                failed = None
        if failed:
            raise failed

    def tear(self) -> None:
        """Note that the connection has ended. A message that it ends at again and again must not stop those behind it."""
        expected = next(iter(self._expected), None)
        if expected is not None and self._ledger.count_torn(uid_of(expected)) >= TORN:
            said = "The connection ends each time that the server is to hand it out"
            self._pipeline.quarantine(self._folder.name, expected, said)

    def receive(self, messages: list[Fetched]) -> None:
        """Pass on messages that were asked for (the connection's `on_messages`)."""
        expected = self._expected
        wanted = list[tuple[Arrival, Body]]()
        for arrival, body in messages:
            if expected.pop(arrival.id, self) is self:  # unasked, or twice
                if isinstance(body, Spool):
                    body.close()
            elif body is None:  # the list said it was smaller
                self._too_large.append(uid_of(arrival.id))
            else:
                wanted.append((arrival, body))
        self._pipeline.take(self._folder.name, self._ledger, wanted)
