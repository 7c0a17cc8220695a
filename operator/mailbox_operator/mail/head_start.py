"""A connection that is begun on a thread while the rest of a program is still being loaded."""

import socket
import time
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Final

from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.resolve import judge_addresses, look_up

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE: Final = 1.0
"""Seconds for the first address to answer; whoever dials in earnest tries the others too."""
STALE: Final = 10.0
"""Seconds after which a server may have grown tired of a connection over which nothing is said."""


class HeadStart:
    """Dials the first address of `host` that the policy lets us dial; who needs a connection there may `take` it, once.

    That the address does not answer is not told: the one who comes for it dials them all, and finds out.
    """

    def __init__(self, host: str, port: int, *, policy: AddressPolicy) -> None:
        self._door = (host, port, policy)
        self._begun = time.monotonic()
        self._connected: socket.socket | None = None
        self._fault: MailError | None = None
        self._is_over = False
        self._has_dialled = False
        self._tell: Callable[[], object] = _nobody
        Thread(target=self._dial, name="head start", daemon=True).start()

    async def take(self, host: str, port: int, *, policy: AddressPolicy) -> socket.socket | None:
        """Return the connection, non-blocking and with TCP_NODELAY set. None: there is none to this door.

        Raises MailError, as `mail.resolve`: to ask a silent DNS server once more would take as long again.
        """
        fits = self._door == (host, port, policy) and time.monotonic() - self._begun < STALE
        try:
            if not fits or self._is_over:
                return None
            await self._wait()
            if self._fault:
                raise self._fault
            taken, self._connected = self._connected, None
            return taken
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection unless somebody took it."""
        self._is_over = True
        if self._connected:
            self._connected.close()

    async def _wait(self) -> None:
        """Wait for the thread, and not on another that joins it: a loop ends when all of those have."""
        import asyncio  # noqa: PLC0415 - this module is to be there before it

        dialled, loop = asyncio.Event(), asyncio.get_running_loop()
        self._tell = partial(loop.call_soon_threadsafe, dialled.set)
        if not self._has_dialled:
            await dialled.wait()

    def _dial(self) -> None:
        try:
            self._connected = _connect(*self._door)
            if self._is_over:
                self._connected.close()
        except MailError as error:
            self._fault = error
        except OSError:
            pass
        self._has_dialled = True
        with suppress(RuntimeError):  # the loop of the one who waited is over
            self._tell()


def _nobody() -> None:
    """Nobody waits."""


def _connect(host: str, port: int, policy: AddressPolicy) -> socket.socket:
    family, kind, protocol, _, address = judge_addresses(look_up(host, port), host=host, policy=policy)[0]
    connected = socket.socket(family, kind, protocol)
    try:
        connected.settimeout(PATIENCE)
        connected.connect(address)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
    except BaseException:
        connected.close()
        raise
    return connected
