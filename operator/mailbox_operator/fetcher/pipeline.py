"""Filter, sink, checkpoint: what happens to a message between the source and being done with."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint
from mailbox_operator.fetcher.checkpoint.ledger import Ledger
from mailbox_operator.fetcher.filter import Filter
from mailbox_operator.fetcher.headers import LOOKED_AT, Headers, read_headers
from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import Arrival, Message, MessageKey
from mailbox_operator.fetcher.meter import FolderGauge, Meter
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.quarantine import SAID_LIMIT, Quarantined, render_key
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.valve import Reason, Valve

if TYPE_CHECKING:
    from mailbox_operator.fetcher.sink import Sink

log = logging.getLogger(__name__)

REPEAT: Final = "repeat"


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
        self.follow_ups_due: Callable[[str], None] = _nobody
        """Called with a folder when there is more to do on the server, as `afterFetch` asks."""
        self.unsaved = 0
        """Messages delivered since the checkpoint was last taken to be written."""
        self.fetch = fetch
        self.meter = meter
        self.valve = valve
        self.clock = clock
        """Seconds since the epoch."""
        self._handed: dict[MessageKey, bytes] = {}
        """When each message arrived that the sink has and has not settled; the oldest first, as folders are read in order."""
        self._filter = Filter(fetch)
        self._follows_up = follows_up(fetch)
        self._removes = removes(fetch)
        self._takes_away = self._removes or fetch.move_to is not None

    def begin(self, folder: str, ledger: Ledger) -> None:
        """Take up a folder that is new, or whose ids mean something else than before."""
        self.checkpoint.folders[folder] = ledger
        self.changed()

    def held(self, folder: str, uidvalidity: UidValidity | None) -> list[MessageId]:
        """Return the ids of a folder's messages that the sink holds and has not settled."""
        return self.sink.held(folder, uidvalidity) if self.sink else []

    def take(self, folder: str, ledger: Ledger, arrival: Arrival, body: memoryview | Spool) -> None:
        """Hand a message to the sink, or settle it at once where it is not to be handed over."""
        start = body.read(0, limit=LOOKED_AT) if isinstance(body, Spool) else body
        headers = read_headers(start)
        why = self._why_not(start, headers, seen=arrival.seen)
        if why or self.sink is None:
            if isinstance(body, Spool):
                body.close()
            log.debug("not handed over", extra={"id": arrival.id, "why": why})
            self.skip(folder, arrival.id)
            if why == REPEAT and not self._removes:  # a copy that was not handed over itself is never deleted
                self._follow_up(folder, ledger, arrival.id, header_only=arrival.header_only)
            return
        message_id, internaldate, size, header_only, _ = arrival
        size = size or (body.size if isinstance(body, Spool) else len(body))
        may_repeat = bool(self.checkpoint.rescans) and self.checkpoint.may_repeat(folder, seconds_of_date(internaldate))
        self._handed.setdefault((folder, ledger.uidvalidity, message_id), internaldate)
        self.sink.offer(
            Message(folder, ledger.uidvalidity, message_id, internaldate, size, header_only, headers, body, may_repeat)
        )

    def _why_not(self, start: bytes | memoryview, headers: Headers, *, seen: bool) -> str:
        """Say why a message is not to be handed over, or ""."""
        if headers.is_test:
            return "test message"
        if self.fetch.deduplicate and headers.message_id in self.checkpoint.seen:
            return REPEAT
        if not self._filter.lets_all_pass and not self._filter.passes(start, headers, seen=seen):
            return "filtered"
        return ""

    def skip(self, folder: str, message_id: MessageId) -> None:
        """Be done with a message without handing it over."""
        self.meter.skipped += 1
        self.settle(folder, message_id)

    def settle(self, folder: str, message_id: MessageId) -> None:
        """Be done with a message."""
        self.checkpoint.settle(folder, message_id)
        self.changed()

    # The sink's listener

    def delivered(self, message: Message) -> None:
        """Write down that the receiver has it."""
        now = self.clock()
        meter, checkpoint = self.meter, self.checkpoint
        self._handed.pop(message.key, None)
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
            checkpoint.settle(message.folder, message.id)
            if checkpoint.quarantine.messages:
                checkpoint.quarantine.release(render_key(message.key))
            self._follow_up(message.folder, ledger, message.id, header_only=message.header_only)
        self.changed()

    def count_refusal(self, message: Message) -> int:
        """Count that the receiver does not want it."""
        self.changed()
        return self.checkpoint.count_try(message.folder, message.id)

    def given_up(self, message: Message, said: str) -> None:
        """Put it into quarantine."""
        self._handed.pop(message.key, None)
        if self._ledger(message):
            named = message.headers.message_id.decode("utf-8", "replace")
            self.quarantine(message.folder, message.id, said, message_id=named)

    def pressure(self, *, full: bool) -> None:
        """Close or open the valve."""
        self.valve.set(Reason.SINK_FULL, closed=full)

    def quarantine(self, folder: str, message: MessageId, said: str, *, message_id: str = "") -> None:
        """Be done with a message that cannot be delivered; it stays on the server."""
        one = Quarantined(
            folder=folder,
            uidvalidity=self.checkpoint.folders[folder].uidvalidity,
            id=message,
            said=said[:SAID_LIMIT],
            time=rfc3339(self.clock()),
            message_id=message_id[:SAID_LIMIT],
        )
        log.warning("message quarantined", extra={"key": one.key, "said": said})
        self.checkpoint.give_up(one)
        self.meter.quarantined = self.checkpoint.quarantine.count
        self.changed()

    def folders(self) -> dict[str, FolderGauge]:
        """Say how each folder stands."""
        now, oldest = self.clock(), dict[str, float]()
        for (folder, _, _), internaldate in self._handed.items():
            if folder not in oldest and (arrived := seconds_of_date(internaldate)) is not None:
                oldest[folder] = max(0.0, now - arrived)
        return {
            name: FolderGauge(ledger.pending, oldest.get(name, 0.0)) for name, ledger in self.checkpoint.folders.items()
        }

    def obey(self, request: str) -> None:
        """Obey a request for the quarantine that was not obeyed yet."""
        if request != self.checkpoint.quarantine.handled:
            count = self.checkpoint.obey(request)
            log.info("quarantine", extra={"request": request, "messages": count})
            self.changed()

    def _ledger(self, message: Message) -> Ledger | None:
        """Return the ledger that a message belongs to. None: UIDs mean something else by now."""
        ledger = self.checkpoint.folders.get(message.folder)
        return ledger if ledger and ledger.uidvalidity == message.uidvalidity else None

    def _follow_up(self, folder: str, ledger: Ledger, message_id: MessageId, *, header_only: bool) -> None:
        # Nobody but the server has the rest of a message whose header alone was handed over: there it stays.
        if self._follows_up and not (header_only and self._takes_away):
            ledger.follow_up(message_id, now=self.clock())
            self.follow_ups_due(folder)


def follows_up(fetch: Fetch) -> bool:
    """Say whether anything is to be done on the server with a message that was delivered."""
    return fetch.mark_seen or fetch.move_to is not None or removes(fetch)


def removes(fetch: Fetch) -> bool:
    """Say whether a message that was delivered is deleted on the server, at once or later."""
    return fetch.delete or fetch.delete_after_seconds is not None or not fetch.leave_on_server


def _nobody(_folder: str = "") -> None:
    """Nobody is told."""
