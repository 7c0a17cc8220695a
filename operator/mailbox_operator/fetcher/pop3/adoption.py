"""What a POP3 maildrop's ledger begins with, and what is too old for a first sync."""

import logging
from collections.abc import Iterable, Sequence

from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import start_of
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.pop3.arrival_date import arrival_date
from mailbox_operator.fetcher.pop3.connection import Answer, Handed, Pop3Connection
from mailbox_operator.fetcher.pop3.download import DEPTH, FOLDER
from mailbox_operator.fetcher.pop3.ledger import Pop3Ledger, UidlHash, hash_uidl
from mailbox_operator.fetcher.pop3.listing import Shown
from mailbox_operator.fetcher.pop3.patience import Pop3Patience
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.pop3.capability import Capabilities

log = logging.getLogger(__name__)


def adopt_maildrop(pipeline: Pipeline, hashes: Iterable[UidlHash]) -> Pop3Ledger:
    """Return the ledger of a maildrop that shows these messages, ready for a new session."""
    pipeline.watched = (FOLDER,)
    known = pipeline.checkpoint.folders.get(FOLDER)
    if isinstance(known, Pop3Ledger):
        ledger = known
    else:
        ledger = _begin(pipeline, hashes, saved=pipeline.checkpoint.saved_seconds if known else None)
        pipeline.begin(FOLDER, ledger)
    ledger.begin_session(held=pipeline.held(FOLDER, None), delete_after=delete_after(pipeline.fetch))
    ledger.shown(list(hashes), now=pipeline.clock())
    return ledger


def delete_after(fetch: Fetch) -> float | None:
    """Return the seconds after which a message that was handed over is deleted; None: it is left."""
    if fetch.delete_after_seconds is not None:
        return fetch.delete_after_seconds
    return None if fetch.leave_on_server and not fetch.delete else 0.0


def _begin(pipeline: Pipeline, hashes: Iterable[UidlHash], *, saved: float | None) -> Pop3Ledger:
    """Return a new ledger; `saved` is when another source's was last written down, which then bounds what is new."""
    since = pipeline.fetch.since_seconds
    if since is None:
        return Pop3Ledger(since=None)
    if since or saved is not None:
        return Pop3Ledger(since=pipeline.clock() - since if since or saved is None else saved)
    ledger = Pop3Ledger(since=None)
    for one in hashes:
        ledger.settle_hash(one)
    return ledger


async def leave_out_old(
    new: Sequence[Shown],
    *,
    connection: Pop3Connection,
    offered: Capabilities,
    ledger: Pop3Ledger,
    patience: Pop3Patience,
) -> list[Shown]:
    """Settle messages from before `ledger.since`; return the others. Raises MailError, HeldBackError.

    POP3 tells no dates: headers are looked at (TOP), beginning with the last message, until so many in a row are old
    that the rest must be. A message without a date counts as new.
    """
    since = ledger.since or 0.0
    dates = _Dates()
    connection.receiver = dates
    depth = DEPTH if offered.pipelining else 1
    young: list[Shown] = []
    end = len(new)
    streak = 0
    while end and streak < DEPTH:
        block = new[max(0, end - depth) : end]
        end -= len(block)
        connection.ask_messages(b"TOP %d 0", [shown.number for shown in block])
        await patience.until(lambda: not connection.outstanding)
        for shown in reversed(block):
            if (dates.seconds.pop(shown.number, None) or since) < since:
                streak += 1
                ledger.settle_hash(hash_uidl(shown.uidl))
            else:
                streak = 0
                young.append(shown)
    for shown in new[:end]:
        ledger.settle_hash(hash_uidl(shown.uidl))
    log.info("old messages are left out", extra={"messages": len(new) - len(young)})
    return young[::-1]


class _Dates:
    """Takes headers for the dates in them."""

    def __init__(self) -> None:
        self.seconds: dict[int, int] = {}

    def messages(self, handed: Sequence[Handed]) -> None:
        """Note the dates of headers."""
        for number, body, _ in handed:
            if body is None:
                continue
            date = seconds_of_date(arrival_date(start_of(body)))
            if isinstance(body, Spool):
                body.close()
            if date is not None:
                self.seconds[number] = date

    def no_message(self, number: int, answer: Answer) -> None:
        """A message whose header does not come counts as new."""
