"""A connection that is begun on a thread while the rest of a program is still being loaded."""

import socket
import time
from threading import Thread
from typing import Final

from mailbox_operator.mail.errors import MailError
from mailbox_operator.mail.guard import AddressPolicy
from mailbox_operator.mail.resolve import judge_addresses, look_up

PATIENCE: Final = 1.0
"""Seconds for the first address to answer; whoever dials in earnest tries the others too."""
STALE: Final = 10.0
"""Seconds after which a server may have grown tired of a connection over which nothing is said."""


class HeadStart:
    """Dials the first address of `host` that the policy lets us dial; who needs a connection there may `take` it, once.

    What goes wrong is not told: the one who comes for it dials, and finds out.
    """

    def __init__(self, host: str, port: int, *, policy: AddressPolicy) -> None:
        self._door = (host, port, policy)
        self._begun = time.monotonic()
        self._connected: socket.socket | None = None
        self._is_over = False
        self._thread = Thread(target=self._dial, name="head start", daemon=True)
        self._thread.start()

    async def take(self, host: str, port: int, *, policy: AddressPolicy) -> socket.socket | None:
        """Return the connection, non-blocking and with TCP_NODELAY set. None: there is none to this door."""
        import asyncio  # noqa: PLC0415 - this module is to be there before it

        fits = self._door == (host, port, policy) and time.monotonic() - self._begun < STALE
        try:
            if self._thread.is_alive() and fits and not self._is_over:
                await asyncio.to_thread(self._thread.join)
            if fits and not self._is_over:
                taken, self._connected = self._connected, None
                return taken
            return None
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection unless somebody took it."""
        self._is_over = True
        if self._connected:
            self._connected.close()

    def _dial(self) -> None:
        try:
            self._connected = _connect(*self._door)
        except (MailError, OSError):
            return
        if self._is_over:
            self._connected.close()


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
