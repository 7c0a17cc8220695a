"""Blocking client libraries under a deadline: a bounded pool of threads, and a cancelled call closes its socket."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final, TypeVar

T = TypeVar("T")

THREADS: Final = 64


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="mail")


async def in_thread(function: Callable[[], T], *, connection: socket.socket) -> T:
    """Run a blocking call on `connection` in a thread. When cancelled, shut the socket down: else the pool fills with the dead."""
    call = asyncio.get_running_loop().run_in_executor(_pool(), function)
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        close(connection)
        call.add_done_callback(lambda done: done.exception())
        raise


def close(connection: socket.socket) -> None:
    """Close a socket, also under the feet of a thread that reads from it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()
