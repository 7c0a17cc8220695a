"""Which messages of an IMAP folder are done with: arithmetic over UIDs, and the heart of "nothing is lost"."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from mailbox_operator.fetcher.ids import MessageId, Uid, UidValidity, uid_of
from mailbox_operator.fetcher.uid_set import parse_uid_set, render_uid_set

CROWDED: Final = 5_000
"""Messages between the first that is not done with and the last that was taken up: no more are listed beyond."""
MARKS_LIMIT: Final = 10_000
PARSE_LIMIT: Final = 100_000
"""More UIDs than that in one set were not written by us."""


class ImapLedger:
    """Keeps `last`: every message up to that UID is done with, for ever; and what is done with above it.

    A message is *announced* when it is found on the server, and *settled* when the sink has it, or it is quarantined,
    skipped or gone. `last` moves over settled messages only.
    """

    def __init__(self, *, uidvalidity: UidValidity, last: Uid, since: float | None, since_through: Uid) -> None:
        self.uidvalidity = uidvalidity
        self.since = since
        """Of the first sync: older messages (seconds since the epoch) up to `since_through` are not fetched."""
        self.since_through = since_through
        self.last = last
        self.through = last
        """Up to here it is known what the server has."""
        self.unmarked: dict[Uid, None] = {}
        """Delivered and not yet marked as seen on the server."""
        self._above: set[Uid] = set()
        self._order: deque[Uid] = deque()
        self._open: dict[Uid, None] = {}

    @property
    def pending(self) -> int:
        """How many announced messages are not settled."""
        return len(self._open)

    @property
    def is_crowded(self) -> bool:
        """Whether so much lies behind an unsettled message that no more should be announced."""
        return len(self._order) >= CROWDED

    def begin_session(self, *, held: Iterable[MessageId]) -> None:
        """Forget what was announced, but not what the sink still holds: a new connection lists it again."""
        keep = sorted(self._open.keys() & set(map(uid_of, held)))
        self._open = dict.fromkeys(keep)
        self._order = deque(sorted({*keep, *self._above}))
        self.through = self.last

    def announce(self, uids: Iterable[Uid], *, through: Uid) -> list[Uid]:
        """Take up what the server has, ascending, up to and including `through`; return what is to be fetched.

        UIDs that are done with, or announced already, are not in the answer. Nothing between the given UIDs exists.
        """
        fresh: list[Uid] = []
        for uid in uids:
            if uid <= self.through or uid in self._above or uid in self._open:
                continue
            fresh.append(uid)
        if fresh:
            self._open.update(dict.fromkeys(fresh))
            self._order = deque(sorted({*self._order, *fresh})) if self._order else deque(fresh)
        self.through = max(self.through, through)
        self._advance()
        return fresh

    def settle(self, message_id: MessageId) -> None:
        """Say that a message is done with. Saying it twice, or of one below `last`, changes nothing."""
        uid = uid_of(message_id)
        if self._open.pop(uid, self) is self:
            return
        self._above.add(uid)
        self._advance()

    def follow_up(self, message_id: MessageId, *, now: float) -> None:  # noqa: ARG002 - flags are set at once
        """Note that a message is to be marked as seen on the server; beyond a limit the oldest is forgotten."""
        self.unmarked[uid_of(message_id)] = None
        if len(self.unmarked) > MARKS_LIMIT:
            del self.unmarked[next(iter(self.unmarked))]

    def marked(self, uids: Iterable[Uid]) -> None:
        """Say that the server has marked them."""
        for uid in uids:
            self.unmarked.pop(uid, None)

    def _advance(self) -> None:
        order, above, unsettled, through = self._order, self._above, self._open, self.through
        # Beyond `through` lies what an earlier run settled; what is between is not known yet.
        while order and order[0] <= through and order[0] not in unsettled:
            uid = order.popleft()
            above.discard(uid)
            self.last = max(self.last, uid)
        if not order:
            self.last = max(self.last, self.through)

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it: only what is settled."""
        return {
            "kind": "imap",
            "uidvalidity": self.uidvalidity,
            "last": self.last,
            "above": render_uid_set(sorted(self._above)),
            "unmarked": render_uid_set(sorted(self.unmarked)),
            "since": self.since,
            "sinceThrough": self.since_through,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "ImapLedger":
        """Read what `to_data` wrote. Raises KeyError, TypeError or ValueError."""
        since = data["since"]
        ledger = cls(
            uidvalidity=UidValidity(int(data["uidvalidity"])),
            last=Uid(int(data["last"])),
            since=None if since is None else float(since),
            since_through=Uid(int(data["sinceThrough"])),
        )
        ledger._above = {uid for uid in parse_uid_set(data["above"], limit=PARSE_LIMIT) if uid > ledger.last}
        ledger.unmarked = dict.fromkeys(parse_uid_set(data["unmarked"], limit=PARSE_LIMIT))
        ledger.begin_session(held=())
        return ledger


def begin_ledger(
    *, uidvalidity: UidValidity, uidnext: Uid, since_seconds: float | None, now: float, saved: float | None
) -> ImapLedger:
    """Return the ledger of a folder that is new, or whose UIDs mean something else than when they were `saved`.

    A new folder is fetched back to `since_seconds` before `now`; 0: not at all; None: whole. One whose UIDs changed
    goes back as far, and with 0 to when the old ones were last written down.
    """
    newest = Uid(uidnext - 1)
    if since_seconds is None:
        return ImapLedger(uidvalidity=uidvalidity, last=Uid(0), since=None, since_through=Uid(0))
    if not since_seconds and saved is None:
        return ImapLedger(uidvalidity=uidvalidity, last=newest, since=None, since_through=Uid(0))
    since = now - since_seconds if since_seconds or saved is None else saved
    return ImapLedger(uidvalidity=uidvalidity, last=Uid(0), since=since, since_through=newest)
