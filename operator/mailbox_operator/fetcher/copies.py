"""Copies of messages that are on their way: of several with one Message-ID, the first's outcome decides about the next."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from mailbox_operator.fetcher.message import Message, MessageKey, Parcel
from mailbox_operator.fetcher.spool import Spool

MEMORY_LIMIT: Final = 4 << 20
"""Octets of waiting copies in memory, above which no more mail is wanted."""
DISK_LIMIT: Final = 64 << 20


class Copies:
    """Holds each copy until the first is delivered (`take`: it is a repeat) or given up (`advance`: it is next)."""

    def __init__(self) -> None:
        self.first: dict[bytes, MessageKey] = {}
        """Which message with a Message-ID is with the sink. Kept by the pipeline: a call for each message would cost as much as all of this."""
        self.waiting: dict[bytes, deque[Parcel]] = {}
        """Copies by Message-ID; to be looked at, and changed by the methods alone."""
        self._memory = self._disk = 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more mail is wanted."""
        return self._memory > MEMORY_LIMIT or self._disk > DISK_LIMIT

    def held(self) -> Iterator[Message]:
        """Return the copies that wait."""
        return (message for group in self.waiting.values() for message, _ in group)

    def wait(self, message: Message, body: bytes | memoryview | Spool) -> None:
        """Hold a copy; a view's octets are copied. One that waits already is not held twice."""
        group = self.waiting.setdefault(message.message_id, deque())
        if any(held.key == message.key for held, _ in group):
            if isinstance(body, Spool):
                body.close()
            return
        kept = body if isinstance(body, Spool) else bytes(body)
        group.append((message, kept))
        self._count(kept, sign=1)

    def take(self, message_id: bytes) -> deque[Parcel]:
        """Return the copies that waited for a message, and hold them no longer."""
        group = self.waiting.pop(message_id, deque())
        for _, body in group:
            self._count(body, sign=-1)
        return group

    def advance(self, message_id: bytes) -> Parcel | None:
        """Return the next copy, which is then the first; None: none waits."""
        group = self.waiting.get(message_id)
        if not group:
            return None
        message, body = group.popleft()
        if not group:
            del self.waiting[message_id]
        self.first[message_id] = message.key
        self._count(body, sign=-1)
        return message, body

    def close(self) -> None:
        """Let go of all of them, undelivered."""
        for message_id in list(self.waiting):
            for _, body in self.take(message_id):
                if isinstance(body, Spool):
                    body.close()

    def _count(self, body: bytes | memoryview | Spool, *, sign: int) -> None:
        if isinstance(body, Spool):
            self._disk += sign * body.size
        else:
            self._memory += sign * len(body)
