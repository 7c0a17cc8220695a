"""The connections of one HTTP client that blocks: each dialled through the address guard, all of them cut together."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from typing import Any, Final, Protocol, TypeVar

from mailbox_operator.mail.blocking import pool
from mailbox_operator.mail.dial import connect_tcp, resolve_checked
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.tls import Negotiated  # noqa: TC001 - the whole package imports so

T = TypeVar("T")

GIVEN_UP: Final = "the connection was given up"
READ_SECONDS: Final = 60.0
"""No single read takes longer, whatever becomes of the caller's deadline."""


class SupportsClose(Protocol):
    """What has connections."""

    def close(self) -> None:
        """Close them."""


class Wire:
    """What `run` calls in a thread may `dial` and `check` there; cancelled, every connection is cut.

    A library's pool closes and opens connections as it likes; a duplicate of each is kept to cut it with, since a
    descriptor closed under a reader may be somebody else's connection by the time it reads.
    """

    def __init__(self, *, policy: AddressPolicy, most_octets: int) -> None:
        self.most_octets = most_octets
        """Of one answer."""
        self.clients: list[SupportsClose] = []
        """The library's, to be closed at the end."""
        self.negotiated: Negotiated | None = None
        """On the newest connection with TLS."""
        self.is_dialled = False
        """Whether anybody has taken a connection yet."""
        self._policy = policy
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._levers: dict[int, socket.socket] = {}
        self._dialling: set[Future[Any]] = set()
        self._calls: set[Future[Any]] = set()
        self._cut = False

    async def run(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread. Raises MailError: it was cut before; and whatever `call` raises."""
        if self._cut:
            raise MailError(GIVEN_UP, area=Area.TCP)
        running = pool().submit(call)
        self._calls.add(running)
        running.add_done_callback(self._calls.discard)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            self.cut()
            raise

    def dial(self, host: str, port: int, *, seconds: float | None = None) -> tuple[int, socket.socket]:
        """Return a connected, blocking socket, and a number to `forget` it by. In a thread. Raises MailError.

        `seconds`: of a connection that one could do without, and that must not take all of the caller's time.
        """
        made: list[socket.socket] = []
        too_late = threading.Event()

        async def connect() -> None:
            made.append(await connect_tcp(host, port, policy=self._policy))
            if self._cut or too_late.is_set():
                made[0].close()

        try:
            self._await(connect, seconds=seconds)
        except TimeoutError:
            too_late.set()
            for one in made:
                one.close()
            raise MailError(f"{host} port {port}: no connection within {seconds} s", area=Area.TCP) from None
        except MailError:
            for one in made:  # it came at the very moment of the cut
                one.close()
            raise
        [connection] = made
        connection.settimeout(READ_SECONDS)
        self.is_dialled = True
        with self._lock:
            lever = connection.dup()
            number = lever.fileno()
            self._levers[number] = lever
        if self._cut:
            self.forget(number)
            connection.close()
            raise MailError(GIVEN_UP, area=Area.TCP)
        return number, connection

    def limit(self, number: int, *, seconds: float) -> None:
        """Break a connection after so many seconds in all, unless it is forgotten before. In a thread."""
        with self._lock:
            lever = self._levers.get(number)

        def end() -> None:
            with self._lock:
                if lever is not None and self._levers.get(number) is lever:
                    with contextlib.suppress(OSError):  # the peer was faster
                        lever.shutdown(socket.SHUT_RDWR)

        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, end)

    def check(self, host: str, port: int) -> None:
        """Have the guard judge a host that is not dialled. In a thread. Raises MailError."""
        self._await(lambda: resolve_checked(host, port, policy=self._policy))

    def forget(self, number: int) -> None:
        """Let go of a connection that the library has closed."""
        with self._lock:
            lever = self._levers.pop(number, None)
        if lever is not None:
            lever.close()

    def cut(self) -> None:
        """Break every connection, and every one that is being made; no other is made afterwards."""
        with self._lock:
            self._cut = True
            levers, dialling = list(self._levers.values()), list(self._dialling)
        for future in dialling:
            future.cancel()
        for lever in levers:
            with contextlib.suppress(OSError):  # the peer was faster
                lever.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut what is left; descriptors are given back as soon as no thread is inside the library any more."""
        self.cut()
        pool().submit(self._release, tuple(self._calls))

    def _release(self, calls: tuple[Future[Any], ...]) -> None:
        wait(calls)
        for client in self.clients:
            client.close()
        for number in list(self._levers):
            self.forget(number)

    def _await(self, make: Callable[[], Coroutine[Any, Any, Any]], *, seconds: float | None = None) -> Any:
        """Run a coroutine in the loop, from a thread.

        Raises MailError where the connections are given up meanwhile, and TimeoutError after `seconds`.
        """
        with self._lock:
            if self._cut:
                raise MailError(GIVEN_UP, area=Area.TCP)
            future = asyncio.run_coroutine_threadsafe(make(), self._loop)
            self._dialling.add(future)
        try:
            return future.result(timeout=seconds)
        except TimeoutError:
            future.cancel()
            raise
        except CancelledError:
            raise MailError(GIVEN_UP, area=Area.TCP) from None
        finally:
            with self._lock:
                self._dialling.discard(future)
