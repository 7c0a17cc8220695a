"""A TCP proxy that makes loopback as slow as a distance: each octet arrives half a round trip later.

python -m fetch_race.wan LISTEN PORT ROUND_TRIP_SECONDS
"""

import asyncio
import sys
from collections import deque
from typing import Final

WINDOW: Final = 4 << 20
"""Octets under way in one direction."""


class Leg(asyncio.Protocol):
    """One side of a connection; what it receives leaves by `peer` after the delay."""

    def __init__(self, delay: float) -> None:
        self.peer: Leg | None = None
        self.transport: asyncio.Transport | None = None
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        due = self._loop.time() + self._delay
        self._under_way.append((due, data))
        self._held += len(data)
        if self._held > WINDOW and self.transport:
            self.transport.pause_reading()
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._arrive)

    def _arrive(self) -> None:
        now, octets = self._loop.time() + 0.0002, []
        while self._under_way and self._under_way[0][0] <= now:
            octets.append(self._under_way.popleft()[1])
        self._held -= sum(map(len, octets))
        if self.peer and self.peer.transport:
            self.peer.transport.writelines(octets)
        if self._held <= WINDOW and self.transport and not self.transport.is_closing():
            self.transport.resume_reading()
        self._timer = self._loop.call_at(self._under_way[0][0], self._arrive) if self._under_way else None
        self._close_peer()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - either way it is over
        self._ended = True
        self._close_peer()

    def _close_peer(self) -> None:
        if self._ended and not self._under_way and self.peer and self.peer.transport:
            self.peer.transport.close()


class Front(Leg):
    """The side that is dialled: it answers once the far side's handshake had time to come back."""

    def __init__(self, round_trip: float, port: int) -> None:
        super().__init__(round_trip / 2)
        self._back = Leg(round_trip / 2)
        self._back.peer = self
        self._round_trip = round_trip
        self._port = port
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport
        self.transport.pause_reading()
        self._dialling = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        await asyncio.sleep(self._round_trip)
        await self._loop.create_connection(lambda: self._back, "127.0.0.1", self._port)
        self.peer = self._back
        assert self.transport
        self.transport.resume_reading()


async def serve(listen: int, port: int, round_trip: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Front(round_trip, port), "127.0.0.1", listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
