"""How long a POP3 session waits for its server, and for a sink that takes nothing."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from mailbox_operator.fetcher.pop3.connection import Pop3Connection
from mailbox_operator.fetcher.source import HeldBackError
from mailbox_operator.fetcher.valve import Valve
from mailbox_operator.mail.errors import Area, MailError

T = TypeVar("T")

SILENCE: Final = 60.0
"""Seconds in which a server that owes us an answer must send something."""
LONGEST_ANSWER: Final = 1_800.0
"""Seconds for one whole answer, while we read: a message of the largest size over a slow line."""
GIVE_BACK: Final = 60.0
"""Seconds of a closed valve after which the connection is given back."""
GLANCE: Final = 5.0
FIRST_GLIMPSE: Final = 0.001
"""Seconds until it is looked again, twice as long each time, up to …"""
GLIMPSE: Final = 0.01


class Pop3Patience:
    """Waits for one connection. Raises MailError when that ends or falls silent, HeldBackError when the sink has."""

    def __init__(self, connection: Pop3Connection, valve: Valve) -> None:
        self._connection = connection
        self._valve = valve
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()

    async def answer(self, answer: asyncio.Future[T]) -> T:
        """Wait for an answer."""
        self._asked_at = self._loop.time()
        while not answer.done():
            await asyncio.wait((answer,), timeout=GLANCE)
            if not answer.done():
                self._look()
        return answer.result()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that the connection or the sink brings about."""
        self._asked_at = self._loop.time()
        pause = FIRST_GLIMPSE
        while not condition():
            await asyncio.sleep(pause)
            pause = min(2 * pause, GLIMPSE)
            self._look()
            self._connection.check()

    def _look(self) -> None:
        check_valve(self._valve)
        connection, valve, now = self._connection, self._valve, self._loop.time()
        if not valve.is_open or not connection.outstanding:
            return
        begun = max(self._asked_at, valve.opened_at)
        if now - max(begun, connection.heard_at) > SILENCE or now - max(begun, connection.answered_at) > LONGEST_ANSWER:
            connection.abort(MailError("the server fell silent within an answer", area=Area.TCP))


def check_valve(valve: Valve) -> None:
    """Raise HeldBackError where the valve has been closed for too long."""
    if valve.closed_seconds > GIVE_BACK:
        raise HeldBackError
