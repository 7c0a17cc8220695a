"""How long a session waits for its server, and for a sink that takes nothing."""

import asyncio
from collections.abc import Callable
from typing import Final

from mailbox_operator.fetcher.imap.connection import FetchConnection
from mailbox_operator.fetcher.source import HeldBackError
from mailbox_operator.fetcher.valve import Valve
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.imap.connection import Reply

LONGEST_REPLY: Final = 1_800.0
"""Seconds for a whole reply, while we read: 4 MiB, or one message of the largest size, over a slow line."""
QUIET: Final = 2.5
"""After so many times `silence` a server that owes nothing is asked something: with 60 s, the dead are known within 4 minutes."""
GIVE_BACK: Final = 60.0
"""Seconds of a closed valve after which the connection is given back."""
GLANCE: Final = 5.0
FIRST_GLIMPSE: Final = 0.001
"""Seconds until it is looked again, twice as long each time, up to …"""
GLIMPSE: Final = 0.01


class Patience:
    """Waits for one connection; a server that owes a reply must send something each `silence` seconds."""

    def __init__(self, connection: FetchConnection, valve: Valve, *, silence: float) -> None:
        self._connection = connection
        self._valve = valve
        self._silence = silence
        self._glance = min(GLANCE, silence / 2)
        self._loop = asyncio.get_running_loop()

    async def reply(self, reply: asyncio.Future[Reply]) -> Reply:
        """Wait for a reply. Raises MailError when the server is silent, HeldBackError."""
        left = LONGEST_REPLY
        while not reply.done():
            await asyncio.wait((reply,), timeout=self._glance)
            if reply.done():
                break
            self.check_valve()
            if not self._valve.is_open:
                continue
            left -= self._glance
            heard = max(self._connection.heard_at, self._valve.opened_at)
            if left < 0 or self._loop.time() - heard > self._silence:
                self._connection.abort(MailError("the server fell silent within a reply", area=Area.TCP))
        return reply.result()

    async def continuation(self, command: asyncio.Future[Reply]) -> bool:
        """Wait for `+`; False: the command ended without one. Raises MailError."""
        try:
            async with asyncio.timeout(self._silence):
                return await self._connection.continuation(command) is not None
        except TimeoutError:
            raise MailError("the server fell silent where it should say +", area=Area.TCP) from None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that others bring about. Raises MailError when the connection ends, HeldBackError."""
        pause = FIRST_GLIMPSE
        while not condition():
            await asyncio.sleep(pause)
            pause = min(2 * pause, GLIMPSE)
            self.check_valve()
            self._connection.check()

    async def news(self, *, seconds: float) -> None:
        """Wait until the folder has news, at most for so many seconds, and less where the server is silent for long.

        A connection whose other end is gone looks like a quiet one, until something is asked. Raises HeldBackError.
        """
        until, connection = self._loop.time() + seconds, self._connection
        while (
            left := min(until, connection.heard_at + QUIET * self._silence) - self._loop.time()
        ) > 0 and not connection.news.is_set():
            waiter = connection.news.wait()
            try:
                async with asyncio.timeout(min(left, self._glance)):
                    await waiter
            except TimeoutError:
                self.check_valve()

    def check_valve(self) -> None:
        """Raise HeldBackError where the valve has been closed for too long."""
        if self._valve.closed_seconds > GIVE_BACK:
            raise HeldBackError
