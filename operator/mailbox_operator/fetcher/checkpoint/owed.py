"""What `afterFetch` still asks of the server: by message, and since when."""

from collections.abc import Iterable
from math import ceil
from typing import Any, Final

from mailbox_operator.fetcher.checkpoint.uid_set import parse_uid_set, render_uid_set
from mailbox_operator.fetcher.ids import Uid

LIMIT: Final = 10_000
LATER_LIMIT: Final = 50_000
"""Messages remembered, for now and for later; the oldest beyond are forgotten and stay on the server as they are."""
DAY: Final = 86_400.0
MINUTE: Final = 60
HOUR: Final = 3_600


class Owed:
    """`at_once` are messages to be marked, moved or deleted; others wait until they are old enough to be deleted."""

    def __init__(self) -> None:
        self.at_once: dict[Uid, None] = {}
        self._later: dict[int, set[Uid]] = {}
        """By when they were handed over, rounded up to the minute or hour: many share one."""
        self._waiting = 0

    def add(self, uid: Uid) -> None:
        """Note that something is to be done with a message now."""
        self.at_once[uid] = None
        if len(self.at_once) > LIMIT:
            del self.at_once[next(iter(self.at_once))]

    def add_later(self, uid: Uid, *, now: float, after: float) -> None:
        """Note that a message handed over `now` is to be deleted `after` so many seconds."""
        width = HOUR if after >= DAY else MINUTE
        self._later.setdefault(ceil(now / width) * width, set()).add(uid)
        self._waiting += 1
        if self._waiting > LATER_LIMIT and len(self._later) > 1:
            self._waiting -= len(self._later.pop(min(self._later)))

    def expired(self, *, now: float, after: float) -> list[Uid]:
        """Return the messages that were handed over at least `after` seconds ago."""
        return sorted(uid for handed, uids in self._later.items() if handed + after <= now for uid in uids)

    def done(self, uids: Iterable[Uid]) -> None:
        """Say that what was to be done at once is done."""
        for uid in uids:
            self.at_once.pop(uid, None)

    def deleted(self, uids: Iterable[Uid]) -> None:
        """Say that messages are gone."""
        gone = set(uids)
        self.done(gone)
        self._later = {handed: left for handed, there in self._later.items() if (left := there - gone)}
        self._waiting = sum(map(len, self._later.values()))

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        later = [[handed, render_uid_set(sorted(uids))] for handed, uids in sorted(self._later.items())]
        return {"atOnce": render_uid_set(sorted(self.at_once)), "later": later}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Owed":
        """Read what `to_data` wrote. Raises KeyError, TypeError, ValueError."""
        owed = cls()
        owed.at_once = dict.fromkeys(parse_uid_set(data["atOnce"], limit=LIMIT))
        owed._later = {int(handed): set(parse_uid_set(text, limit=LATER_LIMIT)) for handed, text in data["later"]}
        owed._waiting = sum(map(len, owed._later.values()))
        return owed
