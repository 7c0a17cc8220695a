"""Up to N connections to one LMTP server, and the deadlines of what goes over them."""

import asyncio
from collections.abc import Callable
from typing import Final

from mailbox_operator.fetcher.delivery_schedule import Delivery
from mailbox_operator.fetcher.lmtp.connection import Done, Errand, LmtpConnection
from mailbox_operator.fetcher.lmtp.opening import LmtpServer, OpeningError, open_lmtp
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict

LEAVING: Final = "The fetcher is leaving"
SWEEP_SECONDS: Final = 0.25
"""How exact deadlines are."""
SECONDS: Final = 300.0
"""For a message from the first octet to the reply; a filter takes its time (RFC 5321 section 4.5.3.2 allows 10 minutes)."""
SLOWEST: Final = 1 << 16
"""Octets a second, below which a large message is not waited for any longer."""
IDLE_SECONDS: Final = 30.0
"""So long a connection is kept for the next message; servers count the connections of each client."""


class LmtpPool:
    """The outbox's carrier: starts deliveries while there is `room`; `on_free` tells of more."""

    def __init__(self, server: LmtpServer, *, size: int, tasks: asyncio.TaskGroup, on_free: Callable[[], None]) -> None:
        self.server = server
        """How new connections are made."""
        self._size = size
        self._tasks = tasks
        self._on_free = on_free
        self._connections: set[LmtpConnection] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def room(self) -> bool:
        """Whether a message can be sent."""
        return not self._closed and (
            len(self._connections) + len(self._dialling) < self._size or any(one.room for one in self._connections)
        )

    @property
    def under_way(self) -> int:
        """How many messages have not ended."""
        return sum(one.under_way for one in self._connections) + len(self._dialling)

    def start(self, delivery: Delivery, *, now: float, done: Done) -> None:
        """Send a message; `done` is called later, never from within.

        On an idle connection, else on a new one, else behind another message: what a server does with a message takes
        longer than the way to it, and it does one at a time on a connection.
        """
        size = delivery.spool.size if delivery.spool else len(delivery.octets)
        errand = Errand(delivery.octets, spool=delivery.spool, deadline=now + SECONDS + size / SLOWEST, done=done)
        willing = min((one for one in self._connections if one.room), key=_load, default=None)
        if willing and (not willing.under_way or len(self._connections) + len(self._dialling) >= self._size):
            willing.begin(errand)
        else:
            self._dialling.add(self._tasks.create_task(self._dial(errand), name="lmtp-dial"))
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """Drop everything; what is under way has not been delivered."""
        self._closed = True
        if self._sweeper:
            self._sweeper.cancel()
        for task in self._dialling:
            task.cancel()
        for connection in tuple(self._connections):
            if connection.under_way:
                connection.abort(LEAVING)
            else:
                connection.quit()

    async def _dial(self, errand: Errand) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        try:
            async with asyncio.timeout_at(errand.deadline):
                connection = await open_lmtp(self.server, freed=self._freed)
        except TimeoutError:
            self._drop(task, errand, "No connection within the deadline")
        except OpeningError as error:
            self._dialling.discard(task)
            errand.done(error.answer)
            self._on_free()
        except asyncio.CancelledError:
            self._drop(task, errand, LEAVING)
            raise
        else:
            self._dialling.discard(task)
            self._connections.add(connection)
            connection.begin(errand)
            self._on_free()

    def _drop(self, task: asyncio.Task[None], errand: Errand, said: str) -> None:
        self._dialling.discard(task)
        errand.done(Answer(verdict=Verdict.AGAIN, said=said, is_transport=True))
        self._on_free()

    def _freed(self, connection: LmtpConnection) -> None:
        if connection.transport is None:
            self._connections.discard(connection)
        self._on_free()

    def _sweep(self) -> None:
        """End what is over its deadline, and what was idle for long."""
        now = self._loop.time()
        for connection in tuple(self._connections):
            if connection.deadline is not None and connection.deadline < now:
                connection.abort("No answer within the deadline")
            elif not connection.under_way and connection.idle_since + IDLE_SECONDS < now:
                self._connections.discard(connection)
                connection.quit()
        busy = self._connections or self._dialling
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep) if busy else None


def _load(connection: LmtpConnection) -> int:
    return connection.under_way
