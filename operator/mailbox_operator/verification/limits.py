"""How much is proven at once: in all, at one host, and at one provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Place:
    """The places at one host or provider, kept as long as anybody holds or awaits one."""

    places: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True, kw_only=True)
class Limits:
    """Made once in a process and shared by all runs."""

    total: int = 64
    """Runs; each holds two sessions at most."""
    per_host: int = 8
    _all: asyncio.Semaphore = field(init=False)
    _busy: dict[str, _Place] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._all = asyncio.Semaphore(self.total)

    @asynccontextmanager
    async def at(self, *hosts: str, provider: str = "", provider_runs: int | None = None) -> AsyncIterator[None]:
        """Hold a place for a run that talks to `hosts`, and is one of `provider_runs` at most at its provider.

        Places are taken in one order, so that no two runs wait for each other.
        """
        async with AsyncExitStack() as held:
            if provider_runs is not None:
                await held.enter_async_context(self._at(f"provider {provider}", places=provider_runs))
            for host in sorted({host.lower() for host in hosts}):
                await held.enter_async_context(self._at(host, places=self.per_host))
            await held.enter_async_context(self._all)  # last: who waits for a busy host keeps nobody from others
            yield

    @asynccontextmanager
    async def _at(self, name: str, *, places: int) -> AsyncIterator[None]:
        here = self._busy.setdefault(name, _Place(asyncio.Semaphore(places)))
        here.users += 1
        try:
            async with here.places:
                yield
        finally:
            here.users -= 1
            if not here.users:
                del self._busy[name]
