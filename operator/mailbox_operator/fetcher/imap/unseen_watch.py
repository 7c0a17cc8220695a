r"""Which messages have been marked unread since the last look."""

from collections.abc import Iterable
from typing import Any, Final

from mailbox_operator.fetcher.checkpoint.uid_set import parse_uid_set, render_uid_set
from mailbox_operator.fetcher.ids import Uid

LIMIT: Final = 2_000
"""Unread messages watched, the youngest ones."""


class UnseenWatch:
    r"""Remembers which messages were without `\Seen`."""

    def __init__(self) -> None:
        self._known: set[Uid] | None = None
        """None: nothing is known yet, so nothing can have changed."""
        self._floor = 0

    def look(self, unseen: Iterable[Uid]) -> list[Uid]:
        r"""Take what is without `\Seen` now, and return what of it had it before, or is new."""
        youngest = sorted(unseen)[-LIMIT:]
        floor = youngest[0] if len(youngest) == LIMIT else 0
        known, from_uid = self._known, max(floor, self._floor)
        self._known, self._floor = set(youngest), floor
        return [] if known is None else [uid for uid in youngest if uid >= from_uid and uid not in known]

    def forget(self, uids: Iterable[Uid]) -> None:
        r"""Say that we have set `\Seen`: without it at the next look, they were marked unread."""
        if self._known:
            self._known.difference_update(uids)

    def to_data(self) -> dict[str, Any] | None:
        """Return it as JSON can hold it."""
        return None if self._known is None else {"uids": render_uid_set(sorted(self._known)), "floor": self._floor}

    @classmethod
    def from_data(cls, data: dict[str, Any] | None) -> "UnseenWatch":
        """Read what `to_data` wrote. Raises KeyError, TypeError, ValueError."""
        watch = cls()
        if data is not None:
            watch._known = set(parse_uid_set(data["uids"], limit=LIMIT))
            watch._floor = int(data["floor"])
        return watch
