"""Streaming notifications of an Exchange mailbox, on connections of their own: they only say that a folder has news."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mailbox_operator.fetcher.ews.sign_in import SignIn
from mailbox_operator.fetcher.source import LoginRefusedError
from mailbox_operator.mail.errors import MailError

if TYPE_CHECKING:
    from mailbox_operator.mail.ews.folders import EwsFolder
    from mailbox_operator.mail.ews.session import EwsSession

log = logging.getLogger(__name__)

STREAM_MINUTES: Final = 28
"""The server allows 30."""


class Stream:
    """`run` beside the session. What goes wrong with it costs promptness, never mail: the session polls as well."""

    def __init__(self, sign_in: SignIn, folders: "Sequence[EwsFolder]", *, told: Callable[[], None]) -> None:
        self._sign_in = sign_in
        self._folders = [folder.handle.id for folder in folders]
        self._told = told
        self._session: EwsSession | None = None

    async def run(self, *, pause: float) -> None:
        """Listen for ever; after a fault, or where the server knows no streaming, again after `pause` seconds.

        Raises LoginRefusedError: the session should not try either.
        """
        loop = asyncio.get_running_loop()

        def told() -> None:
            loop.call_soon_threadsafe(self._told)

        while True:
            try:
                self._session = session = await self._sign_in()
                while True:
                    await session.run(partial(_listen, session.mailbox.account, self._folders, told))
            except LoginRefusedError:
                raise
            except MailError as error:
                log.info("no notifications for a while", extra={"said": error.text, "code": error.vendor_code})
            finally:
                await self._close()
            await asyncio.sleep(pause)

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session:
            await session.close()


def _listen(account: Any, folders: Sequence[str], told: Callable[[], None]) -> None:
    from mailbox_operator.fetcher.ews.calls import listen  # noqa: PLC0415 - 40 MiB, loaded by now

    listen(account, folders, minutes=STREAM_MINUTES, told=told)
