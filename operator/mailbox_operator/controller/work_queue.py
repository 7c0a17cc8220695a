"""The work queue: each key once, one visit at a time, what a person waits for first."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from mailbox_operator.controller.kinds import Key


class Lane(IntEnum):
    """A key in the first lane goes before all in the second."""

    CHANGED = 0
    """Never seen, or changed: somebody waits."""
    PERIODIC = 1


FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 300.0


class WorkQueue:
    """`add` keys; workers `take` one, visit it and say `done`. A key added during its visit is visited again."""

    def __init__(self, *, call_later: Callable[..., asyncio.TimerHandle]) -> None:
        self._lanes: tuple[dict[Key, None], dict[Key, None]] = ({}, {})
        self._busy: set[Key] = set()
        self._again: dict[Key, Lane] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._idle: deque[asyncio.Future[None]] = deque()
        """Workers that wait for a key, each woken by one."""
        self._call_later = call_later

    def depth(self, lane: Lane) -> int:
        """Return how many keys wait in a lane."""
        return len(self._lanes[lane])

    @property
    def busy(self) -> int:
        """How many keys are being visited."""
        return len(self._busy)

    def add(self, key: Key, lane: Lane = Lane.CHANGED) -> None:
        """Have a key visited as soon as its turn comes."""
        if key in self._busy:
            self._again[key] = min(lane, self._again.get(key, lane))
            return
        if key in self._lanes[Lane.CHANGED]:
            return
        if lane is Lane.CHANGED:
            self._lanes[Lane.PERIODIC].pop(key, None)
        self._lanes[lane][key] = None
        self._wake_one()

    def add_after(self, key: Key, seconds: float, lane: Lane = Lane.PERIODIC) -> None:
        """Have a key visited after a while; of several such wishes the last counts."""
        self.cancel(key)
        self._timers[key] = self._call_later(seconds, self._due, key, lane)

    def cancel(self, key: Key) -> None:
        """Forget the later visit of a key."""
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def forget(self, key: Key) -> None:
        """Forget all about a key that is no more."""
        self.cancel(key)
        self._failures.pop(key, None)

    def _due(self, key: Key, lane: Lane) -> None:
        self._timers.pop(key, None)
        self.add(key, lane)

    async def take(self) -> Key:
        """Return the next key, which is busy until `done`."""
        while not (self._lanes[Lane.CHANGED] or self._lanes[Lane.PERIODIC]):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was its turn at the very moment
                    self._wake_one()
                raise
        lane = self._lanes[Lane.CHANGED] or self._lanes[Lane.PERIODIC]
        key = next(iter(lane))
        del lane[key]
        self._busy.add(key)
        return key

    def _wake_one(self) -> None:
        while self._idle:
            turn = self._idle.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def done(self, key: Key) -> None:
        """End a key's visit."""
        self._busy.discard(key)
        if (lane := self._again.pop(key, None)) is not None:
            self.add(key, lane)

    def failed(self, key: Key, *, least: float | None = None, jitter: float) -> float:
        """Visit a key again after a back-off that doubles with each failure; return its seconds.

        Args:
            key: whose visit failed.
            least: seconds that the API server asked us to wait.
            jitter: from 0 to 1, drawn by the caller.
        """
        count = self._failures[key] = self._failures.get(key, 0) + 1
        seconds = min(FIRST_BACKOFF * 2.0 ** min(count - 1, 16), LONGEST_BACKOFF) * (0.5 + jitter / 2)
        seconds = max(seconds, least or 0.0)
        self.add_after(key, seconds)
        return seconds

    def succeeded(self, key: Key) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)
