"""How much is proven at once: in all, at one host, and at one provider; who is waited for goes first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field


class Gate:
    """So many places. Those who are urgent come before all others, else each in turn."""

    def __init__(self, places: int) -> None:
        self.free = places
        self.users = 0
        """Those who hold a place, and those who wait."""
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())

    @asynccontextmanager
    async def place(self, *, urgent: bool) -> AsyncIterator[None]:
        """Hold a place."""
        self.users += 1
        try:
            await self._take(urgent=urgent)
            try:
                yield
            finally:
                self._give()
        finally:
            self.users -= 1

    async def _take(self, *, urgent: bool) -> None:
        if self.free:
            self.free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[0 if urgent else 1].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn at the very moment
                self._give()
            raise

    def _give(self) -> None:
        """Pass a place on; a place is free only while nobody waits."""
        for waiting in self._waiting:
            while waiting:
                turn = waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self.free += 1


@dataclass(slots=True, kw_only=True)
class Limits:
    """Made once in a process and shared by all runs."""

    total: int = 64
    """Runs; each holds two sessions at most."""
    per_host: int = 8
    _all: Gate = field(init=False)
    _busy: dict[str, Gate] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._all = Gate(self.total)

    @asynccontextmanager
    async def at(
        self, *hosts: str, provider: str = "", provider_runs: int | None = None, urgent: bool = False
    ) -> AsyncIterator[None]:
        """Hold a place for a run that talks to `hosts`, and is one of `provider_runs` at most at its provider.

        Places are taken in one order, so that no two runs wait for each other.
        """
        async with AsyncExitStack() as held:
            if provider_runs is not None:
                await held.enter_async_context(self._at(f"provider {provider}", places=provider_runs, urgent=urgent))
            for host in sorted({host.lower() for host in hosts}):
                await held.enter_async_context(self._at(host, places=self.per_host, urgent=urgent))
            await held.enter_async_context(self._all.place(urgent=urgent))  # last: who waits keeps nobody from others
            yield

    @asynccontextmanager
    async def _at(self, name: str, *, places: int, urgent: bool) -> AsyncIterator[None]:
        """Hold a place at a host or provider, which is kept in mind as long as anybody holds or awaits one."""
        gate = self._busy.setdefault(name, Gate(places))
        try:
            async with gate.place(urgent=urgent):
                yield
        finally:
            if not gate.users:
                del self._busy[name]
