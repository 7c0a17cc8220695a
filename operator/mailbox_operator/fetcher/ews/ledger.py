"""Which messages of an Exchange folder are done with: pages of changes, each told apart by the sync state after it."""

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from mailbox_operator.fetcher.ids import MessageId

HASH_OCTETS: Final = 8
PAGES: Final = 4
"""Told and not done with; no more are asked for."""
OWED_LIMIT: Final = 2_000
"""Ids remembered for `afterFetch`, each some 150 characters; the oldest beyond are forgotten and stay as they are."""
NOTHING_YET: Final = 1e11
"""A time after any message's: of what is there at first, nothing is wanted."""


@dataclass(slots=True)
class _Page:
    """One answer of the server."""

    state: str
    """The sync state after it."""
    is_last_of_first: bool
    """Whether the first listing of the folder ends with it."""
    hashes: frozenset[bytes]
    open: set[str]


class EwsLedger:
    """Keeps `state`: every change told before it is done with; and what is done with after it.

    The server gives changes in pages, each with the sync state that follows it. A page is done with when all its
    messages are, and `state` moves over pages in their order only. A process that was killed asks from `state` again.
    """

    uidvalidity = None

    def __init__(self, *, state: str, since: float | None, is_first: bool) -> None:
        self.state = state
        self.since = since
        """In the first listing, older messages (seconds since the epoch) are not fetched; None: all are."""
        self.owed: dict[str, None] = {}
        """Delivered, and something is to be done with them on the server now."""
        self.owed_later: dict[str, float] = {}
        """Delivered, and to be deleted some time after the time noted, which is since the epoch."""
        self._is_first = is_first
        self._pages: deque[_Page] = deque()
        self._done: set[bytes] = set()
        self._held: set[str] = set()
        self._reopened: dict[str, None] = {}

    @property
    def pending(self) -> int:
        """How many announced messages are not settled."""
        return sum(len(page.open) for page in self._pages) + len(self._reopened)

    @property
    def reopened(self) -> list[str]:
        """Messages that were done with and are to be handed over once more."""
        return list(self._reopened)

    @property
    def is_crowded(self) -> bool:
        """Whether so many pages are open that no more should be asked for."""
        return len(self._pages) >= PAGES

    @property
    def position(self) -> str:
        """The sync state to ask from; "": from the beginning."""
        return self._pages[-1].state if self._pages else self.state

    @property
    def is_first_listing(self) -> bool:
        """Whether what the server tells next belongs to the first listing of the folder."""
        return self._is_first and not any(page.is_last_of_first for page in self._pages)

    def begin_session(self, *, held: Iterable[MessageId]) -> None:
        """Forget what was announced, but not what the sink still holds: it is told again from `state`."""
        self._held = {str(one) for one in held}
        self._pages.clear()

    def announce(self, ids: Iterable[str], *, state: str, is_last: bool) -> list[str]:
        """Take up a page: the messages in it that are wanted, and the sync state after it. Return what is to be fetched.

        `is_last`: the server has no more to tell now. Messages that are done with, or held by the sink, are not returned.
        """
        given = dict.fromkeys(ids)
        left = [one for one in given if _hash(one) not in self._done]
        self._pages.append(
            _Page(
                state=state,
                is_last_of_first=is_last and self.is_first_listing,
                hashes=frozenset(map(_hash, given)),
                open=set(left),
            )
        )
        self._advance()
        return [one for one in left if one not in self._held]

    def settle(self, *message_ids: MessageId) -> None:
        """Say that messages are done with. Saying it twice changes nothing."""
        for text in map(str, message_ids):
            self._held.discard(text)
            self._reopened.pop(text, None)
            for page in self._pages:
                page.open.discard(text)
            self._done.add(_hash(text))
        self._advance()

    def reopen(self, message_ids: Iterable[MessageId]) -> None:
        """Have messages handed over once more; those that are not done with yet are anyway."""
        unsettled = {one for page in self._pages for one in page.open}
        self._reopened.update((text, None) for one in message_ids if (text := str(one)) not in unsettled)
        while len(self._reopened) > OWED_LIMIT:
            del self._reopened[next(iter(self._reopened))]

    def follow_up(self, message_id: MessageId, *, now: float) -> None:
        """Note that a message was handed over at `now`."""
        text = str(message_id)
        self.owed[text] = None
        if len(self.owed) > OWED_LIMIT:
            del self.owed[next(iter(self.owed))]
        self.owed_later[text] = now
        if len(self.owed_later) > OWED_LIMIT:
            del self.owed_later[next(iter(self.owed_later))]

    def acted(self, ids: Iterable[str]) -> None:
        """Say that what was to be done now is done."""
        for one in ids:
            self.owed.pop(one, None)

    def removed(self, ids: Iterable[str]) -> None:
        """Say that messages are not in the folder any more."""
        for one in ids:
            self.owed.pop(one, None)
            self.owed_later.pop(one, None)

    def expired(self, *, now: float, after: float) -> list[str]:
        """Return the messages that were handed over at least `after` seconds ago."""
        return [one for one, handed in self.owed_later.items() if handed + after <= now]

    def _advance(self) -> None:
        while self._pages and not self._pages[0].open:
            page = self._pages.popleft()
            self.state = page.state
            self._done -= page.hashes
            if page.is_last_of_first:
                self._is_first = False

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it: only what is settled."""
        return {
            "kind": "ews",
            "state": self.state,
            "since": self.since,
            "isFirst": self._is_first,
            "done": b64encode(b"".join(sorted(self._done))).decode("ascii"),
            "reopened": list(self._reopened),
            "owed": list(self.owed),
            "owedLater": self.owed_later,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "EwsLedger":
        """Read what `to_data` wrote. Raises KeyError, TypeError or ValueError."""
        since, octets = data["since"], b64decode(data["done"], validate=True)
        ledger = cls(
            state=str(data["state"]), since=None if since is None else float(since), is_first=bool(data["isFirst"])
        )
        ledger._done = {octets[start : start + HASH_OCTETS] for start in range(0, len(octets), HASH_OCTETS)}
        ledger._reopened = {str(one): None for one in data["reopened"]}
        ledger.owed = {str(one): None for one in data["owed"]}
        ledger.owed_later = {str(one): float(handed) for one, handed in data["owedLater"].items()}
        return ledger


def begin_ledger(
    *, since_seconds: float | None, now: float, before: EwsLedger | None, saved: float | None
) -> EwsLedger:
    """Return the ledger of a folder that is new, or whose sync state the server knows no longer (`before`).

    It is fetched back to `since_seconds` before `now`; None: whole; 0: to when the checkpoint was last `saved`, and where it
    never was, not at all.
    """
    since: float | None
    if since_seconds is None:
        since = None
    elif since_seconds:
        since = now - since_seconds
    else:
        since = NOTHING_YET if saved is None else saved
    ledger = EwsLedger(state="", since=since, is_first=True)
    if before is not None:
        ledger.owed, ledger.owed_later = before.owed, before.owed_later
    return ledger


def _hash(message_id: str) -> bytes:
    return blake2b(message_id.encode(), digest_size=HASH_OCTETS).digest()
