"""Blocking client libraries under a deadline: a bounded pool of threads, and a call given up has its connection cut."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final, TypeVar

from mailbox_operator.mail.errors import Area, MailError

T = TypeVar("T")

FAREWELL_SECONDS: Final = 1.0
"""A server need not answer LOGOUT or QUIT."""
THREADS: Final = 160
"""Each run of verification holds two at most; a thread is made when it is first needed."""


@lru_cache(maxsize=1)
def pool() -> ThreadPoolExecutor:
    """Return the threads that blocking libraries run in, the process's one pool."""
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="mail")


class BlockingConnection:
    """A connected socket that a blocking library works on, one call at a time.

    The library may wrap the socket into TLS, which takes its descriptor away; therefore a duplicate is kept to cut the
    connection with, and the library's own end is closed only when no thread can be using it any more: a descriptor
    closed under a reader may be somebody else's connection by the time it reads.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._lever = connection.dup()
        self._last: Future[Any] | None = None
        self._cut = False

    async def run(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread. Cancelled, it cuts the connection: else the pool fills with the dead.

        Raises MailError when the connection was cut before, and whatever `call` raises.
        """
        if self._cut:
            raise MailError("the connection was given up", area=Area.TCP)
        self._last = running = pool().submit(call)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            self._cut = True
            with contextlib.suppress(OSError):  # the peer was faster
                self._lever.shutdown(socket.SHUT_RDWR)
            raise

    async def close(self, *, farewell: Callable[[], object] | None, release: Callable[[], None]) -> None:
        """Say `farewell`, unless a call was given up, without waiting long for an answer, and close.

        `release` closes the library's end, at once or as soon as its last call has returned.
        """
        try:
            if farewell and not self._cut:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FAREWELL_SECONDS):
                        await self.run(farewell)
        finally:
            self._lever.close()
            if self._last is None:
                release()
            else:
                self._last.add_done_callback(lambda _: release())
