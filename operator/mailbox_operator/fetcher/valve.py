"""Whether more mail may come in: back-pressure, from wherever it comes, to the socket."""

import asyncio
from collections.abc import Callable
from enum import Enum

OnChange = Callable[[], None]


class Reason(Enum):
    """Why the valve is closed."""

    SINK_FULL = "sink full"
    SINK_GONE = "sink gone"
    COPIES_WAIT = "copies wait"
    """Too many wait for what becomes of a message with the same Message-ID."""
    CHECKPOINT_AWAY = "checkpoint away"
    """Too much is delivered that could not be written down."""


class Valve:
    """Closed while at least one reason holds."""

    def __init__(self) -> None:
        self.listeners: set[OnChange] = set()
        """Called after it opened or closed."""
        self._reasons: set[Reason] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._loop = asyncio.get_running_loop()
        self._closed_at = 0.0
        self.opened_at = self._loop.time()
        """On the loop's clock."""

    @property
    def is_open(self) -> bool:
        """Whether no reason holds."""
        return not self._reasons

    @property
    def closed_seconds(self) -> float:
        """For how long it has been closed; 0 when it is open."""
        return self._loop.time() - self._closed_at if self._reasons else 0.0

    def set(self, reason: Reason, *, closed: bool) -> None:
        """Say whether a reason to be closed holds."""
        was_open = not self._reasons
        if closed:
            self._reasons.add(reason)
        else:
            self._reasons.discard(reason)
        if was_open == (not self._reasons):
            return
        if self._reasons:
            self._closed_at = self._loop.time()
            self._open.clear()
        else:
            self.opened_at = self._loop.time()
            self._open.set()
        for listener in tuple(self.listeners):
            listener()

    async def wait_open(self) -> None:
        """Wait until no reason holds."""
        await self._open.wait()
