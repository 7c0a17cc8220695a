"""How much is proven at once: in all, at one host, and at one provider; who is waited for goes first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class Gate:
    """So many places. Those who are urgent come before all others, else each in turn."""

    def __init__(self, places: int) -> None:
        self.free = places
        self.users = 0
        """Those who hold a place, those who wait, and those who wait elsewhere first."""
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())

    async def take(self, *, urgent: bool) -> None:
        """Wait for a place and hold it until `give`."""
        if self.free:
            self.free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[0 if urgent else 1].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn at the very moment
                self.give()
            raise

    def give(self) -> None:
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
    """At a host or provider; each is kept in mind as long as it has users."""

    def __post_init__(self) -> None:
        self._all = Gate(self.total)

    @asynccontextmanager
    async def at(
        self, *hosts: str, provider: str = "", provider_runs: int | None = None, urgent: bool = False
    ) -> AsyncIterator[None]:
        """Hold a place for a run that talks to `hosts`, and is one of `provider_runs` at most at its provider.

        Places are taken in one order, so that no two runs wait for each other.
        """
        places = {} if provider_runs is None else {f"provider {provider}": provider_runs}
        places |= dict.fromkeys(sorted({host.lower() for host in hosts}), self.per_host)
        gates = {name: self._busy.setdefault(name, Gate(count)) for name, count in places.items()}
        held: list[Gate] = []
        for gate in gates.values():
            gate.users += 1
        try:
            for gate in (*gates.values(), self._all):  # the last is everybody's: who waits keeps nobody from others
                await gate.take(urgent=urgent)
                held.append(gate)
            yield
        finally:
            for gate in reversed(held):
                gate.give()
            for name, gate in gates.items():
                gate.users -= 1
                if not gate.users:
                    del self._busy[name]
