"""Which messages of a POP3 maildrop are done with: unique ids in no order, and the heart of "nothing is lost"."""

from collections.abc import Collection, Iterable
from hashlib import blake2b
from math import ceil
from typing import Any, Final, NewType

from mailbox_operator.fetcher.ids import MessageId
from mailbox_operator.fetcher.pop3.uidl_set import parse_hashes, render_hashes

UidlHash = NewType("UidlHash", int)
"""64 bits of a unique id (RFC 1939 section 7)."""

LIMIT: Final = 100_000
"""Unique ids remembered: in base64 they fill 840 kB of a ConfigMap's 1 MiB."""
HOUR: Final = 3600.0
DAY: Final = 86400.0
STEPS: Final = 32
"""A time until deletion is kept in so many steps, so that few groups are written; a deletion is never too early."""
GONE_DAYS: Final = 7
"""So long an id is remembered that the server does not show any more: some show none at all on a bad day."""


def hash_uidl(uidl: bytes) -> UidlHash:
    """Return the hash by which a unique id is remembered."""
    return UidlHash(int.from_bytes(blake2b(uidl, digest_size=8).digest(), "big"))


def _hash_id(message_id: MessageId) -> UidlHash:
    return hash_uidl(str(message_id).encode("latin-1"))


class Pop3Ledger:
    """Keeps unique ids apart: *done* with; done with and *due* to be deleted; *gone*, done with and not shown any more.

    A message is announced when the server shows it, and settled when the sink has it, or it is quarantined or skipped.
    """

    uidvalidity = None

    def __init__(self, *, since: float | None) -> None:
        self.since = since
        """Of the first sync, until it is done: older messages (seconds since the epoch) are not fetched."""
        self.delete_after: float | None = None
        """Seconds after which a message handed over is deleted; None: it is left. Not stored: the plan says it."""
        self.torn: tuple[UidlHash, int] | None = None
        """At which message the connection last ended, and how often in a row."""
        self._done: set[UidlHash] = set()
        self._due: dict[UidlHash, int] = {}
        self._gone: dict[UidlHash, int] = {}
        self._open: set[UidlHash] = set()

    @property
    def pending(self) -> int:
        """How many announced messages are not settled."""
        return len(self._open)

    @property
    def remembered(self) -> int:
        """How many unique ids are written down."""
        return len(self._done) + len(self._due) + len(self._gone)

    def begin_session(self, *, held: Iterable[MessageId], delete_after: float | None) -> None:
        """Forget what was announced, but not what the sink still holds: a new session lists it again."""
        self.delete_after = delete_after
        self._open &= {_hash_id(one) for one in held}

    def knows(self, one: UidlHash) -> bool:
        """Say whether a message is done with, or announced already."""
        return one in self._done or one in self._due or one in self._gone or one in self._open

    def announce(self, one: UidlHash) -> None:
        """Take up a message that is not known."""
        self._open.add(one)

    def settle(self, *message_ids: MessageId) -> None:
        """Say that messages are done with."""
        for message_id in message_ids:
            self.settle_hash(_hash_id(message_id))

    def settle_hash(self, one: UidlHash) -> None:
        """Say so of a message by its hash."""
        self._open.discard(one)
        if one not in self._due:
            self._gone.pop(one, None)
            self._done.add(one)

    def count_torn(self, one: UidlHash) -> int:
        """Count that the connection ended where a message was to come; return how often it did so in a row."""
        before = self.torn[1] if self.torn and self.torn[0] == one else 0
        self.torn = (one, before + 1)
        return before + 1

    def reopen(self, message_ids: Iterable[MessageId]) -> None:
        """Have messages handed over once more: to the next session they are not known."""
        for one in map(_hash_id, message_ids):
            self._done.discard(one)
            self._due.pop(one, None)
            self._gone.pop(one, None)
            self._open.add(one)

    def follow_up(self, message_id: MessageId, *, now: float) -> None:
        """Note that a message was handed over at `now`, where it is to be deleted."""
        if self.delete_after is None:
            return
        one = _hash_id(message_id)
        step = ceil(max(HOUR, self.delete_after / STEPS))
        self._done.discard(one)
        self._due[one] = ceil(now / step) * step if self.delete_after else 0

    def due(self, *, now: float) -> list[UidlHash]:
        """Return what is to be deleted by now."""
        if self.delete_after is None:
            return []
        return [one for one, handed_over in self._due.items() if handed_over + self.delete_after <= now]

    def deleted(self, hashes: Iterable[UidlHash]) -> None:
        """Say that the server has deleted messages, and has said so."""
        for one in hashes:
            self._due.pop(one, None)

    def shown(self, hashes: Collection[UidlHash], *, now: float) -> None:
        """Say all that the server shows, so that what it shows no more is forgotten after some days."""
        today = int(now / DAY)
        there = frozenset(hashes)
        for one in [one for one in self._gone if one in there]:
            del self._gone[one]
            self._done.add(one)
        for one in [*(self._done - there), *(self._due.keys() - there)]:
            self._done.discard(one)
            self._due.pop(one, None)
            self._gone[one] = today
        room = LIMIT - len(there)  # all of these may be done with before the next look
        for one in list(self._gone):  # in the order in which they went
            if self._gone[one] + GONE_DAYS < today or len(self._gone) > room:
                del self._gone[one]

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it: only what is settled."""
        return {
            "kind": "pop3",
            "since": self.since,
            "done": render_hashes(self._done),
            "due": _render_groups(self._due),
            "gone": _render_groups(self._gone),
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Pop3Ledger":
        """Read what `to_data` wrote. Raises KeyError, TypeError or ValueError."""
        since = data["since"]
        ledger = cls(since=None if since is None else float(since))
        ledger._done = {UidlHash(one) for one in parse_hashes(data["done"], limit=LIMIT)}
        ledger._due = _parse_groups(data["due"])
        ledger._gone = _parse_groups(data["gone"])
        return ledger


def _render_groups(times: dict[UidlHash, int]) -> dict[str, str]:
    groups: dict[int, list[UidlHash]] = {}
    for one, time in times.items():
        groups.setdefault(time, []).append(one)
    return {str(time): render_hashes(group) for time, group in sorted(groups.items())}


def _parse_groups(data: dict[str, str]) -> dict[UidlHash, int]:
    groups = sorted((int(time), text) for time, text in data.items())
    return {UidlHash(one): time for time, text in groups for one in parse_hashes(text, limit=LIMIT)}
