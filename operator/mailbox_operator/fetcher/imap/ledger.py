"""Which messages of an IMAP folder are done with: arithmetic over UIDs, and the heart of "nothing is lost"."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from mailbox_operator.fetcher.checkpoint.owed import Owed
from mailbox_operator.fetcher.checkpoint.uid_set import parse_uid_set, render_uid_set
from mailbox_operator.fetcher.ids import MessageId, Uid, UidValidity, uid_of
from mailbox_operator.fetcher.imap.folder_data import FolderStatus
from mailbox_operator.fetcher.imap.unseen_watch import UnseenWatch

CROWDED: Final = 5_000
"""Messages between the first that is not done with and the last that was taken up: no more are listed beyond."""
REOPENED_LIMIT: Final = 2_000
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
        self.acts_at_once = False
        """Whether a message that was handed over is to be marked, moved or deleted."""
        self.delete_after: float | None = None
        """Seconds after which it is to be deleted."""
        self.watches_flags = False
        """Whether a message that is marked unread is to be handed over."""
        self.modseq: int | None = None
        """Of the folder when it was last asked for its status (RFC 7162); it changes with each flag."""
        self.owed = Owed()
        self.unseen = UnseenWatch()
        self.torn: tuple[Uid, int] | None = None
        """Which message the connection last ended at, and how often in a row."""
        self._above: set[Uid] = set()
        self._order: deque[Uid] = deque()
        self._open: dict[Uid, None] = {}
        self._reopened: dict[Uid, None] = {}

    @property
    def pending(self) -> int:
        """How many announced messages are not settled."""
        return len(self._open) + len(self._reopened)

    @property
    def reached(self) -> Uid:
        """The highest UID of which anything is known: the server's next one is above it, as long as it keeps its word."""
        return max(self.last, self.through, *self._above)

    @property
    def reopened(self) -> list[Uid]:
        """Messages that were done with and are to be handed over once more."""
        return sorted(self._reopened)

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
            if not self._order or self._order[-1] < fresh[0]:
                self._order.extend(fresh)
            else:  # beyond them lies what an earlier run settled
                self._order = deque(sorted({*self._order, *fresh}))
        self.through = max(self.through, through)
        self._advance()
        return fresh

    def settle(self, *message_ids: MessageId) -> None:
        """Say that messages are done with. Saying it twice, or of one below `last`, changes nothing."""
        unsettled, above = self._open, self._above
        for uid in map(uid_of, message_ids):
            if unsettled.pop(uid, self) is self:
                self._reopened.pop(uid, None)
            else:
                above.add(uid)
        self._advance()

    def count_torn(self, uid: Uid) -> int:
        """Count that the connection ended where a message was to come; return how often it did so in a row."""
        before = self.torn
        count = before[1] + 1 if before and before[0] == uid else 1
        self.torn = (uid, count)
        return count

    def is_done(self, uid: Uid) -> bool:
        """Whether a message is settled."""
        return (uid <= self.last or uid in self._above) and uid not in self._reopened

    def is_behind(self, status: FolderStatus) -> bool:
        """Whether a folder that is not open has more than is known here, or less, as far as its status tells."""
        if status.uidvalidity != self.uidvalidity or status.uidnext is None or status.uidnext != self.through + 1:
            return True
        changed, self.modseq = status.modseq is None or status.modseq != self.modseq, status.modseq
        return self.watches_flags and changed

    def reopen(self, message_ids: Iterable[MessageId]) -> None:
        """Have messages handed over once more; those that are not done with yet are anyway."""
        self._reopened.update((uid, None) for uid in map(uid_of, message_ids) if self.is_done(uid))
        while len(self._reopened) > REOPENED_LIMIT:
            del self._reopened[next(iter(self._reopened))]

    def look_at_unseen(self, uids: Iterable[Uid]) -> list[Uid]:
        r"""Take all messages without `\Seen`; return those marked unread since the last look, by others than us."""
        owed = self.owed.at_once
        return [uid for uid in self.unseen.look(uids) if self.is_done(uid) and uid not in owed]

    def follow_up(self, message_id: MessageId, *, now: float) -> None:
        """Note that a message was handed over `now`: it is to be marked, moved or deleted, at once or later."""
        uid = uid_of(message_id)
        if self.acts_at_once:
            self.owed.add(uid)
        if self.delete_after is not None:
            self.owed.add_later(uid, now=now, after=self.delete_after)

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
            "reopened": render_uid_set(self.reopened),
            "owed": self.owed.to_data(),
            "unseen": self.unseen.to_data(),
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
        ledger._reopened = dict.fromkeys(parse_uid_set(data["reopened"], limit=REOPENED_LIMIT))
        ledger.owed = Owed.from_data(data["owed"])
        ledger.unseen = UnseenWatch.from_data(data["unseen"])
        ledger.begin_session(held=())
        return ledger


def begin_ledger(
    *, uidvalidity: UidValidity, uidnext: Uid, since_seconds: float | None, now: float, known_until: float | None
) -> ImapLedger:
    """Return the ledger of a folder that is new, or whose UIDs mean something else than before.

    A new folder is fetched back to `since_seconds` before `now`; 0: not at all; None: whole. With 0, one of
    which something is `known_until` then goes back to that.
    """
    newest = Uid(uidnext - 1)
    if since_seconds is None:
        return ImapLedger(uidvalidity=uidvalidity, last=Uid(0), since=None, since_through=Uid(0))
    if not since_seconds and known_until is None:
        return ImapLedger(uidvalidity=uidvalidity, last=newest, since=None, since_through=Uid(0))
    since = now - since_seconds if since_seconds or known_until is None else known_until
    return ImapLedger(uidvalidity=uidvalidity, last=Uid(0), since=since, since_through=newest)
