"""Filter, sink, checkpoint: what happens to a message between the source and being done with."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from mailbox_operator.fetcher.checkpoint.checkpoint import Checkpoint, Reset
from mailbox_operator.fetcher.checkpoint.ledger import Ledger
from mailbox_operator.fetcher.copies import Copies
from mailbox_operator.fetcher.filter import Filter
from mailbox_operator.fetcher.headers import read_headers
from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import Arrival, Body, Message, Parcel, start_of
from mailbox_operator.fetcher.meter import FolderGauge, Meter
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.progress import ResetReason
from mailbox_operator.fetcher.quarantine import SAID_LIMIT, Quarantined, render_key
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.valve import Reason, Valve

if TYPE_CHECKING:
    from mailbox_operator.fetcher.sink import Sink

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
        self.follow_ups_due: Callable[[str], None] = _nobody
        """Called with a folder when there is more to do on the server, as `afterFetch` asks."""
        self.unsaved = 0
        """Messages delivered since the checkpoint was last taken to be written."""
        self.fetch = fetch
        self.meter = meter
        self.valve = valve
        self.clock = clock
        """Seconds since the epoch."""
        self.watched: Collection[str] | None = None
        """The folders that are fetched, as far as the source knows by now; others are remembered, and not told of."""
        self._copies = Copies()
        self._filter = Filter(fetch)
        self._follows_up = follows_up(fetch)
        self._removes = removes(fetch)
        self._takes_away = self._removes or fetch.move_to is not None

    def begin(self, folder: str, ledger: Ledger) -> None:
        """Take up a folder that is new."""
        self.checkpoint.folders[folder] = ledger
        self.changed()

    def begin_again(self, folder: str, ledger: Ledger, *, reason: ResetReason) -> None:
        """Take up a folder of which what was remembered holds no longer: it is read again, and repeats are marked."""
        log.warning("the folder begins anew and is read again", extra={"folder": folder, "reason": reason})
        self.checkpoint.note_reset(Reset(folder, reason, self.clock()))
        self.meter.folder_resets += 1
        self.begin(folder, ledger)

    def held(self, folder: str, uidvalidity: UidValidity | None) -> list[MessageId]:
        """Return the ids of a folder's messages that are with the sink, or wait to be, and are not settled."""
        return [message.id for message in self._held() if message.key[:2] == (folder, uidvalidity)]

    def _held(self) -> Iterable[Message]:
        return chain(self.sink.held() if self.sink else (), self._copies.held())

    def take(self, folder: str, ledger: Ledger, arrived: Sequence[tuple[Arrival, Body]]) -> None:
        """Hand messages to the sink, in their order, but for those that are not to be handed over: they are settled."""
        assert self.sink is not None  # noqa: S101 - the engine gives it one
        uidvalidity, rescans, seen = ledger.uidvalidity, self.checkpoint.rescans, self.checkpoint.seen
        deduplicates, lets_all_pass, first = self.fetch.deduplicate, self._filter.lets_all_pass, self._copies.first
        parcels: list[Parcel] = []
        for arrival, body in arrived:
            start = start_of(body)
            message_id, is_test = read_headers(start)
            is_repeat = deduplicates and not is_test and message_id in seen
            if is_test or is_repeat or not (lets_all_pass or self._filter.passes(start, seen=arrival.seen)):
                self._leave_out(folder, ledger, arrival.id, body, is_repeat=is_repeat, header_only=arrival.header_only)
                continue
            one, internaldate, size, header_only, _ = arrival
            seconds = seconds_of_date(internaldate)
            size = size or (body.size if isinstance(body, Spool) else len(body))
            may_repeat = bool(rescans) and self.checkpoint.may_repeat(folder, seconds)
            key = (folder, uidvalidity, one)
            message = Message(key, internaldate, seconds, size, header_only, message_id, may_repeat)
            if deduplicates and message_id and (held := first.setdefault(message_id, key)) is not key and held != key:
                self._copies.wait(message, body)
            else:
                parcels.append((message, body))
        if parcels:
            self.sink.offer(parcels)
        if self._copies.waiting:
            self._judge_copies()

    def _leave_out(  # noqa: PLR0913 - what there is to say of it
        self, folder: str, ledger: Ledger, message: MessageId, body: Body, *, is_repeat: bool, header_only: bool
    ) -> None:
        if isinstance(body, Spool):
            body.close()
        log.debug("not handed over", extra={"id": message, "repeat": is_repeat})
        self.skip(folder, message)
        if is_repeat and not self._removes:  # a copy that was not handed over itself is never deleted
            self._follow_up(folder, ledger, message, header_only=header_only)

    def _judge_copies(self) -> None:
        self.valve.set(Reason.COPIES_WAIT, closed=self._copies.is_full)

    def close(self) -> None:
        """Let go of what was never handed to the sink, which is closed."""
        self.sink = None
        self._copies.close()

    def skip(self, folder: str, message_id: MessageId) -> None:
        """Be done with a message without handing it over."""
        self.meter.skipped += 1
        self.settle(folder, message_id)

    def settle(self, folder: str, message_id: MessageId) -> None:
        """Be done with a message."""
        self.checkpoint.settle(folder, message_id)
        self.changed()

    def hurry(self) -> None:
        """Have the sink deliver what it holds: the source waits for that, and not for more mail."""
        if self.sink:
            self.sink.hurry()

    # The sink's listener

    def delivered(self, messages: Sequence[Message]) -> None:
        """Write down that the receiver has them."""
        now = self.clock()
        meter, checkpoint, forget = self.meter, self.checkpoint, self._copies.first.pop
        meter.delivery_seconds.observe(*[max(0.0, now - one.arrived) for one in messages if one.arrived is not None])
        meter.bytes_delivered += sum([message.size for message in messages])
        meter.messages_delivered += len(messages)
        checkpoint.seen.add(*[message.message_id for message in messages])
        by_folder: dict[tuple[str, UidValidity | None], list[Message]] = {}
        for message in messages:
            forget(message.message_id, None)
            by_folder.setdefault(message.key[:2], []).append(message)
        meter.last_success_seconds = checkpoint.last_message_seconds = now
        checkpoint.messages_delivered += len(messages)
        self.unsaved += len(messages)
        for (folder, uidvalidity), group in by_folder.items():
            if ledger := self._ledger(folder, uidvalidity):
                self._settle_delivered(folder, ledger, group)
        if self._copies.waiting:
            for message in messages:
                self._leave_out_copies(message.message_id)
            self._judge_copies()
        self.changed()

    def _leave_out_copies(self, message_id: bytes) -> None:
        for message, body in self._copies.take(message_id):
            if ledger := self._ledger(message.folder, message.uidvalidity):
                header_only = message.header_only
                self._leave_out(message.folder, ledger, message.id, body, is_repeat=True, header_only=header_only)
            elif isinstance(body, Spool):
                body.close()

    def _settle_delivered(self, folder: str, ledger: Ledger, messages: Sequence[Message]) -> None:
        self.checkpoint.settle(folder, *[message.key[2] for message in messages])
        quarantine = self.checkpoint.quarantine
        if quarantine.messages or quarantine.older:
            for message in messages:
                quarantine.release(render_key(message.key))
        if self._follows_up:
            for message in messages:
                self._follow_up(folder, ledger, message.id, header_only=message.header_only)

    def count_refusal(self, message: Message) -> int:
        """Count that the receiver does not want it."""
        self.changed()
        return self.checkpoint.count_try(message.folder, message.id)

    def given_up(self, message: Message, said: str) -> None:
        """Put it into quarantine."""
        folder, uidvalidity, one = message.key
        if self._ledger(folder, uidvalidity):
            self.quarantine(folder, one, said, message_id=message.message_id.decode("utf-8", "replace"))
        self._copies.first.pop(message.message_id, None)
        if self._copies.waiting:  # not from within: the sink has not ended with this one
            asyncio.get_running_loop().call_soon(self._offer_copy, message.message_id)

    def _offer_copy(self, message_id: bytes) -> None:
        """Hand over the next message of that id, since the one before was refused."""
        if self.sink and message_id not in self._copies.first and (parcel := self._copies.advance(message_id)):
            self.sink.offer((parcel,))
            self.sink.hurry()
            self._judge_copies()

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
        for message in self._held():  # the oldest first, as folders are read in order
            if message.folder not in oldest and message.arrived is not None:
                oldest[message.folder] = max(0.0, now - message.arrived)
        return {name: FolderGauge(ledger.pending, oldest.get(name, 0.0)) for name, ledger in self._ledgers()}

    @property
    def pending(self) -> int:
        """How many messages were found and are not done with."""
        return sum(ledger.pending for _, ledger in self._ledgers())

    def _ledgers(self) -> Iterator[tuple[str, Ledger]]:
        """Return the ledgers of the folders that are fetched."""
        for name, ledger in self.checkpoint.folders.items():
            if self.watched is None or name in self.watched:
                yield name, ledger

    def obey(self, request: str) -> None:
        """Obey a request for the quarantine that was not obeyed yet."""
        if request != self.checkpoint.quarantine.handled:
            count = self.checkpoint.obey(request)
            log.info("quarantine", extra={"request": request, "messages": count})
            self.changed()

    def _ledger(self, folder: str, uidvalidity: UidValidity | None) -> Ledger | None:
        """Return the ledger that a message belongs to. None: UIDs mean something else by now."""
        ledger = self.checkpoint.folders.get(folder)
        return ledger if ledger and ledger.uidvalidity == uidvalidity else None

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
