"""Messages asked for many at a time, where the server lets commands queue up (RFC 2449 section 6.6)."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import Arrival, Body, start_of
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.pop3.arrival_date import arrival_date
from mailbox_operator.fetcher.pop3.connection import Answer, Handed, Pop3Connection
from mailbox_operator.fetcher.pop3.ledger import Pop3Ledger, hash_uidl
from mailbox_operator.fetcher.pop3.listing import Shown, Sizes
from mailbox_operator.fetcher.pop3.patience import Pop3Patience
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.endpoint import Protocol
from mailbox_operator.mail.errors import MailError, asking
from mailbox_operator.mail.pop3.capability import Capabilities

FOLDER: Final = "INBOX"
"""POP3 knows no folders: what it shows is called so."""
DEPTH: Final = 100
"""Commands under way; with 10 a fast server waits for us now and then, with 1,000 it is no faster than with 100."""
TRIES: Final = 3
"""So often the server may fail to hand a message out before it is given up."""
SERVERS_OWN: Final = frozenset({"SYS/TEMP", "IN-USE"})
"""Codes of a fault that passes and is no message's: while the store is away, none could be handed out (RFC 3206, RFC 2449)."""
TORN: Final = 10
"""So often in a row the connection may end at one message."""


class Pop3Download:
    """Asks for messages and passes them on. Raises MailError and HeldBackError."""

    def __init__(
        self,
        connection: Pop3Connection,
        offered: Capabilities,
        *,
        ledger: Pop3Ledger,
        pipeline: Pipeline,
        patience: Pop3Patience,
    ) -> None:
        self._connection = connection
        self._has_top = offered.top
        self._depth = DEPTH if offered.pipelining else 1
        self._ledger = ledger
        self._fetch = pipeline.fetch
        self._pipeline = pipeline
        self._patience = patience
        self._sizes = Sizes(())
        self._command = b""
        self._queue: deque[Shown] = deque()
        self._asked: dict[int, Shown] = {}
        self._too_large: list[Shown] = []
        self._failed: list[tuple[Shown, Answer]] = []

    async def run(self, new: Iterable[Shown], *, sizes: Sizes) -> None:
        """Fetch messages, and see to those that are too large or do not come."""
        self._sizes = sizes
        self._connection.receiver = self
        limit = self._fetch.max_message_size
        wanted: deque[Shown] = deque()
        for shown in new:
            (self._too_large if sizes.of(shown.number) > limit else wanted).append(shown)
        await self._ask(b"RETR %d", wanted)
        too_large, self._too_large = self._too_large, []
        if self._fetch.oversize == "HeadersOnly" and self._has_top:
            await self._ask(b"TOP %d 0", deque(too_large))
            too_large, self._too_large = self._too_large, []  # a header above the limit
        for shown in too_large:
            self._skip(shown)
        self._see_to_failed()

    # What the connection calls

    def messages(self, handed: Sequence[Handed]) -> None:
        """Pass on messages."""
        wanted: list[tuple[Arrival, Body]] = []
        for number, body, size in handed:
            shown = self._asked.pop(number)
            if body is None:  # LIST said it was smaller
                self._too_large.append(shown)
            elif arrival := self._arrival(shown, body, size):
                wanted.append((arrival, body))
        self._pipeline.take(FOLDER, self._ledger, wanted)
        self._fill()

    def no_message(self, number: int, answer: Answer) -> None:
        """Remember one that the server does not hand out."""
        self._failed.append((self._asked.pop(number), answer))
        self._fill()

    async def _ask(self, command: bytes, queue: deque[Shown]) -> None:
        self._command, self._queue = command, queue
        self._fill()
        try:
            await self._patience.until(lambda: not self._asked and not self._queue)
        except MailError:
            self._tear()
            raise

    def _tear(self) -> None:
        """Note that the connection has ended. A message that it ends at again and again must not stop those behind it."""
        shown = next(iter(self._asked.values()), None)
        if shown is not None and self._ledger.count_torn(hash_uidl(shown.uidl)) >= TORN:
            said = "The connection ends each time that the server is to hand it out"
            self._pipeline.quarantine(FOLDER, _id_of(shown), said)

    def _fill(self) -> None:
        """Ask for as many as may be under way, half of them at a time, so that a write carries many."""
        if len(self._asked) > self._depth // 2:
            return
        numbers = []
        while self._queue and len(self._asked) < self._depth:
            shown = self._queue.popleft()
            self._asked[shown.number] = shown
            numbers.append(shown.number)
        if numbers:
            self._connection.ask_messages(self._command, numbers)

    def _arrival(self, shown: Shown, body: Body, size: int) -> Arrival | None:
        """Describe a message. None: it is too old, and done with."""
        date = arrival_date(start_of(body))
        since = self._ledger.since
        if since is not None and (seconds_of_date(date) or since) < since:
            if isinstance(body, Spool):
                body.close()
            self._skip(shown)
            return None
        name, header_only = _id_of(shown), self._command.startswith(b"TOP")
        if header_only:
            size = max(size, self._sizes.of(shown.number))
        return Arrival(name, date, size, header_only)

    def _skip(self, shown: Shown) -> None:
        self._pipeline.skip(FOLDER, _id_of(shown))

    def _see_to_failed(self) -> None:
        """Give up a message that never comes; raise for one that may come another time."""
        failed, self._failed = self._failed, []
        unready: Answer | None = None
        for shown, answer in failed:
            if answer.code in SERVERS_OWN or self._pipeline.checkpoint.count_try(FOLDER, _id_of(shown)) < TRIES:
                unready = answer
            else:
                said = f"The server does not hand it out: {answer.text or 'no reason told'}"
                self._pipeline.quarantine(FOLDER, _id_of(shown), said)
        if unready:
            with asking("RETR", protocol=Protocol.POP3):
                raise unready.failed()


def _id_of(shown: Shown) -> str:
    """Return what names a message for ever."""
    return shown.uidl.decode("latin-1")
