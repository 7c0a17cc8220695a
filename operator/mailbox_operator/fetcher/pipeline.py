"""Filter, sink, checkpoint: what happens to a message between the source and being done with."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from mailbox_operator.fetcher.checkpoint import Checkpoint, Quarantined
from mailbox_operator.fetcher.folder_ledger import FolderLedger, begin_ledger
from mailbox_operator.fetcher.headers import LOOKED_AT, read_headers
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap_data import Fetched, seconds_of_date
from mailbox_operator.fetcher.message import Message, Sink
from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.valve import Reason, Valve

log = logging.getLogger(__name__)


def rfc3339(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Pipeline:
    """Takes messages from a source, is the sink's listener, and keeps the checkpoint."""

    def __init__(
        self, *, checkpoint: Checkpoint, fetch: Fetch, meter: Meter, valve: Valve, clock: Callable[[], float]
    ) -> None:
        self.checkpoint = checkpoint
        self.sink: Sink | None = None
        self.changed: Callable[[], None] = _nobody
        """Called when there is more to write down."""
        self.marks_due: Callable[[], None] = _nobody
        """Called when there is more to mark on the server."""
        self.unsaved = 0
        """Messages delivered since the checkpoint was last taken to be written."""
        self.fetch = fetch
        self.meter = meter
        self.valve = valve
        self._clock = clock

    def adopt(self, folder: str, uidvalidity: UidValidity, *, uidnext: Uid) -> FolderLedger:
        """Return the ledger of a folder as the server now shows it."""
        known = self.checkpoint.folders.get(folder)
        # A UIDNEXT that went back is a server that broke its word (restored from a backup, say): UIDs mean something else.
        if known and known.uidvalidity == uidvalidity and uidnext > known.last:
            known.begin_session(held=self.sink.held(folder, uidvalidity) if self.sink else ())
            return known
        if known:
            log.warning("the folder begins anew and is read again", extra={"folder": folder})
            self.checkpoint.tries.clear()
        ledger = begin_ledger(
            uidvalidity=uidvalidity,
            uidnext=uidnext,
            since_seconds=self.fetch.since_seconds,
            now=self._clock(),
            saved=self.checkpoint.saved_seconds if known else None,
        )
        self.checkpoint.folders[folder] = ledger
        self.changed()
        return ledger

    def take(self, folder: str, ledger: FolderLedger, fetched: Fetched, body: memoryview | Spool) -> None:
        """Hand a message to the sink, or settle it at once where it is not to be handed over."""
        headers = read_headers(body.read(0, limit=LOOKED_AT) if isinstance(body, Spool) else body)
        is_repeat = self.fetch.deduplicate and headers.message_id in self.checkpoint.seen
        if headers.is_test or is_repeat or self.sink is None:
            if isinstance(body, Spool):
                body.close()
            log.debug("not handed over", extra={"uid": fetched.uid, "test": headers.is_test, "repeat": is_repeat})
            self.skip(folder, fetched.uid)
            if is_repeat and not headers.is_test:
                self._mark(ledger, fetched.uid)
            return
        size = fetched.size or (body.size if isinstance(body, Spool) else len(body))
        message = Message(
            folder, ledger.uidvalidity, fetched.uid, fetched.internaldate, size, fetched.header_only, headers, body
        )
        self.sink.offer(message)

    def skip(self, folder: str, uid: Uid) -> None:
        """Be done with a message without handing it over."""
        self.meter.skipped += 1
        self.settle(folder, uid)

    def settle(self, folder: str, uid: Uid) -> None:
        """Be done with a message."""
        self.checkpoint.settle(folder, uid)
        self.changed()

    # The sink's listener

    def delivered(self, message: Message) -> None:
        """Write down that the receiver has it."""
        now = self._clock()
        meter, checkpoint = self.meter, self.checkpoint
        meter.messages_delivered += 1
        meter.bytes_delivered += message.size
        meter.last_success_seconds = now
        if (arrived := seconds_of_date(message.internaldate)) is not None:
            meter.delivery_seconds.observe(max(0.0, now - arrived))
        checkpoint.messages_delivered += 1
        checkpoint.last_message_seconds = now
        checkpoint.seen.add(message.headers.message_id)
        self.unsaved += 1
        if ledger := self._ledger(message):
            checkpoint.settle(message.folder, message.uid)
            self._mark(ledger, message.uid)
        self.changed()

    def count_refusal(self, message: Message) -> int:
        """Count that the receiver does not want it."""
        self.changed()
        return self.checkpoint.count_try(message.folder, message.uid)

    def given_up(self, message: Message, said: str) -> None:
        """Put it into quarantine."""
        if self._ledger(message):
            self.quarantine(message.folder, message.uid, said)

    def pressure(self, *, full: bool) -> None:
        """Close or open the valve."""
        self.valve.set(Reason.SINK_FULL, closed=full)

    def quarantine(self, folder: str, uid: Uid, said: str) -> None:
        """Be done with a message that cannot be delivered; it stays on the server."""
        log.warning("message quarantined", extra={"folder": folder, "uid": uid, "said": said})
        time = rfc3339(self._clock())
        self.checkpoint.give_up(Quarantined(folder=folder, uid=uid, said=said, time=time))
        self.meter.quarantined = self.checkpoint.quarantined
        self.changed()

    def _ledger(self, message: Message) -> FolderLedger | None:
        """Return the ledger that a message belongs to. None: UIDs mean something else by now."""
        ledger = self.checkpoint.folders.get(message.folder)
        return ledger if ledger and ledger.uidvalidity == message.uidvalidity else None

    def _mark(self, ledger: FolderLedger, uid: Uid) -> None:
        if self.fetch.mark_seen:
            ledger.mark(uid)
            self.marks_due()


def _nobody() -> None:
    """Nobody is told."""
