"""What `afterFetch` asks of an Exchange server, done: marked, moved, deleted; after the sink has the message, and until it is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from mailbox_operator.fetcher.ews.ledger import EwsLedger
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.mail.errors import Area, MailError

if TYPE_CHECKING:
    from mailbox_operator.mail.ews.folders import EwsFolder

log = logging.getLogger(__name__)

T = TypeVar("T")

AT_ONCE: Final = 100
FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 3_600.0
"""Seconds without another try, after the server has refused."""
BUSY: Final = "ErrorServerBusy"


class Call(Protocol):
    """Runs a blocking call in a thread, under a deadline."""

    def __call__(self, call: Callable[[], T], /) -> Awaitable[T]:
        """Return what it returns. Raises MailError."""


class AfterFetch:
    """Acts in one mailbox. Each act may be repeated: what is done already, or gone, is no fault.

    A server that refuses does not end the session, since delivery goes on; it is asked again after a pause.
    """

    def __init__(self, call: Call, account: Any, *, pipeline: Pipeline) -> None:
        self._call = call
        self._account = account
        self._pipeline = pipeline
        self._fetch = pipeline.fetch
        self._loop = asyncio.get_running_loop()
        self._failures = 0
        self._resume_at = -inf
        """On the loop's clock: the wall clock may be set back in between."""

    def is_due(self, ledger: EwsLedger) -> bool:
        """Whether anything is to be done in a folder now."""
        if self._loop.time() < self._resume_at:
            return False
        return bool(ledger.owed or self._expired(ledger, now=self._pipeline.clock()))

    async def act(
        self, folder: "EwsFolder", ledger: EwsLedger, *, target: "Callable[[], Awaitable[EwsFolder | None]]"
    ) -> None:
        """Do what is due in a folder. Raises MailError where the connection, not the act, has failed.

        `target` returns where messages are moved to, None: nowhere.
        """
        try:
            while self.is_due(ledger):
                await self._act_once(folder, ledger, await target())
        except MailError as error:
            if error.area is not Area.EWS or error.status or error.vendor_code == BUSY:
                raise
            self._postpone(folder, error)
        else:
            self._failures = 0

    async def _act_once(self, folder: "EwsFolder", ledger: EwsLedger, target: "EwsFolder | None") -> None:
        from mailbox_operator.fetcher.ews import calls  # noqa: PLC0415 - 40 MiB, loaded by now

        account, ids = self._account, list(ledger.owed)[:AT_ONCE]
        if ids:
            if self._fetch.mark_seen:
                await self._call(partial(calls.mark_read, account, folder.handle, ids))
            if target is not None:
                await self._call(partial(calls.move, account, ids, target=target.handle))
                ledger.removed(ids)
            elif self._fetch.delete:
                await self._delete(ids)
                ledger.removed(ids)
            ledger.acted(ids)
            if self._fetch.delete_after_seconds is None:
                ledger.removed(ids)
        else:
            ids = self._expired(ledger, now=self._pipeline.clock())[:AT_ONCE]
            await self._delete(ids)
            ledger.removed(ids)
        self._pipeline.changed()

    async def _delete(self, ids: Sequence[str]) -> None:
        from mailbox_operator.fetcher.ews import calls  # noqa: PLC0415 - 40 MiB, loaded by now

        await self._call(partial(calls.delete, self._account, ids))

    def _expired(self, ledger: EwsLedger, *, now: float) -> list[str]:
        after = self._fetch.delete_after_seconds
        return [] if after is None else ledger.expired(now=now, after=after)

    def _postpone(self, folder: "EwsFolder", error: MailError) -> None:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self._failures)
        self._failures += 1
        self._resume_at = self._loop.time() + pause
        self._pipeline.meter.after_fetch_failures += 1
        log.warning(
            "the server refuses what afterFetch asks for",
            extra={"folder": folder.name, "said": error.text, "code": error.vendor_code, "wait": pause},
        )
