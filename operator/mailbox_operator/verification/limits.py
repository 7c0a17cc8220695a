"""How much is proven at once: in all, and at one host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Limits:
    """Made once in a process and shared by all runs."""

    total: int = 64
    per_host: int = 8
    _all: asyncio.Semaphore = field(init=False)
    _hosts: dict[str, asyncio.Semaphore] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._all = asyncio.Semaphore(self.total)

    @asynccontextmanager
    async def at(self, host: str) -> AsyncIterator[None]:
        """Hold a place for a session with `host`."""
        here = self._hosts.setdefault(host, asyncio.Semaphore(self.per_host))
        async with self._all, here:
            yield
        if not here.locked() and len(self._hosts) > self.total:
            self._hosts.pop(host, None)
