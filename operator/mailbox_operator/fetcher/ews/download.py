"""Messages of an Exchange folder asked for together and handed over; one that the server cannot hand out stops no other."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailbox_operator.fetcher.ews.after import Call
from mailbox_operator.fetcher.ews.batches import cut_batches, render_internaldate
from mailbox_operator.fetcher.ews.ledger import EwsLedger
from mailbox_operator.fetcher.message import Arrival, Body
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.mail.errors import Area, MailError

if TYPE_CHECKING:
    from mailbox_operator.fetcher.ews.calls import Fetched, Listed
    from mailbox_operator.mail.ews.folders import EwsFolder

SPOOLED_FROM: Final = 1 << 20
"""Octets of a message that goes to the disk while it waits for the sink."""
TRIES: Final = 3
"""So often the server may fail to hand a message out before it is given up."""
TEMPORARY: Final = frozenset(
    {
        "ErrorADUnavailable",
        "ErrorConnectionFailed",
        "ErrorExceededConnectionCount",
        "ErrorInsufficientResources",
        "ErrorInternalServerTransientError",
        "ErrorMailboxFailover",
        "ErrorMailboxMoveInProgress",
        "ErrorMailboxStoreUnavailable",
        "ErrorServerBusy",
        "ErrorTimeoutExpired",
        "ErrorTooManyObjectsOpened",
    }
)
"""What the server says of itself, whichever message was asked for."""


class Download:
    """`deliver` as often as needed. Raises MailError."""

    def __init__(self, call: Call, account: Any, *, pipeline: Pipeline, spool_folder: Path) -> None:
        self._call = call
        self._account = account
        self._pipeline = pipeline
        self._fetch = pipeline.fetch
        self._spool_folder = spool_folder

    async def deliver(
        self, folder: "EwsFolder", ledger: EwsLedger, ids: Sequence[str], listed: "dict[str, Listed]"
    ) -> None:
        """Fetch messages and hand them over; what has gone meanwhile is done with."""
        largest = self._fetch.max_message_size
        sizes = {one: listed[one].size if one in listed else 0 for one in ids}
        whole = [one for one in ids if sizes[one] <= largest]
        heads = [one for one in ids if sizes[one] > largest]
        if self._fetch.oversize == "Skip":
            for one in heads:
                self._pipeline.skip(folder.name, one)
            heads = []
        failed: MailError | None = None
        for some, is_whole in [
            *((batch, True) for batch in cut_batches(whole, sizes)),
            *((heads, False),) * bool(heads),
        ]:
            failed = await self._deliver_batch(folder, ledger, some, is_whole=is_whole) or failed
        if failed:
            raise failed

    async def _deliver_batch(
        self, folder: "EwsFolder", ledger: EwsLedger, ids: Sequence[str], *, is_whole: bool
    ) -> MailError | None:
        """Return what the server said of a message that may come another time; the others are handed over."""
        try:
            await self._ask(folder, ledger, ids, is_whole=is_whole)
        except MailError as error:
            if error.area is not Area.EWS or error.status or error.vendor_code in TEMPORARY:
                raise
            if len(ids) == 1:
                return self._note_failure(folder.name, ids[0], error)
        else:
            return None
        failed: MailError | None = None
        for one in ids:
            failed = await self._deliver_batch(folder, ledger, [one], is_whole=is_whole) or failed
        return failed

    def _note_failure(self, folder: str, message: str, error: MailError) -> MailError | None:
        """Count a failure; None: the message is given up."""
        if self._pipeline.checkpoint.count_try(folder, message) < TRIES:
            self._pipeline.changed()
            return error
        self._pipeline.quarantine(folder, message, f"The server does not hand it out: {error.text}")
        return None

    async def _ask(self, folder: "EwsFolder", ledger: EwsLedger, ids: Sequence[str], *, is_whole: bool) -> None:
        from mailbox_operator.fetcher.ews.calls import get_messages  # noqa: PLC0415 - 40 MiB, loaded by now

        await self._pipeline.valve.wait_open()
        found = await self._call(partial(get_messages, self._account, folder.handle, ids, whole=is_whole))
        self._pipeline.take(folder.name, ledger, [self._arrived(message, is_whole=is_whole) for message in found])
        for one in set(ids) - {message.id for message in found}:
            self._pipeline.skip(folder.name, one)

    def _arrived(self, message: "Fetched", *, is_whole: bool) -> tuple[Arrival, Body]:
        octets = message.octets
        size = len(octets) if is_whole else message.size
        arrival = Arrival(message.id, render_internaldate(message.received), size, not is_whole, message.is_read)
        if len(octets) < SPOOLED_FROM:
            return arrival, octets
        try:
            spool = Spool(self._spool_folder)
            spool.write(memoryview(octets))
        except OSError as error:
            raise MailError(f"{self._spool_folder} cannot be written: {error}", area=Area.POLICY) from error
        return arrival, spool
