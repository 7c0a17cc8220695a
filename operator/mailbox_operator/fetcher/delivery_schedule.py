"""Which message goes to the sink next, and when again after a failure. Arithmetic; the clock is the caller's."""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Final

from mailbox_operator.fetcher.backoff import backoff_seconds
from mailbox_operator.fetcher.message import Message, MessageKey
from mailbox_operator.fetcher.sink import SinkHealth
from mailbox_operator.fetcher.sink_trouble import name_trouble
from mailbox_operator.fetcher.spool import Spool
from mailbox_operator.fetcher.webhook.answer import Answer, Verdict

MEMORY_LIMIT: Final = 4 << 20
"""Octets of messages in memory, above which no more are wanted; half of it opens again."""
DISK_LIMIT: Final = 64 << 20
HELD_LIMIT: Final = 2_000
"""The same for their number."""
FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 60.0
LONELY_FAILURES: Final = 10
"""So often a message may fail (5xx) while others are accepted; then the message is at fault, not the sink."""
FAILING_AFTER: Final = 300.0
"""Seconds without an accepted message, while some wait, until that counts as a failing sink."""


class Delivery:
    """A message that waits for the sink, as the octets of its request."""

    __slots__ = (
        "accepted_before",
        "failures",
        "head",
        "lonely_failures",
        "message",
        "octets",
        "since",
        "spool",
        "started",
    )

    def __init__(self, message: Message, octets: bytes, spool: Spool | None, *, now: float, head: int = 0) -> None:
        self.message = message
        self.octets = octets
        """The head, if any, and the body unless that is in `spool`."""
        self.head = head
        """So many octets are the head."""
        self.spool = spool
        self.since = now
        self.started = now
        self.failures = 0
        self.lonely_failures = 0
        self.accepted_before = 0


class DeliverySchedule:
    """Holds each message from `add` to `settle`; in between `take` hands it out and a failure puts it back."""

    def __init__(self, *, concurrency: int, chance: Callable[[], float], now: float) -> None:
        self.held: dict[MessageKey, Delivery] = {}
        self._concurrency = concurrency
        self._chance = chance
        self._ready: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._memory = self._disk = 0
        self._full = False
        self._accepted = 0
        self._accepted_at = now
        self._failures = 0
        """In a row, whichever message they befell."""
        self._closings = 0
        """How often in a row the sink was found to fail as such."""
        self._closed_until = 0.0
        self._told_until = 0.0
        """The same, as the sink itself has said."""
        self._trouble: Answer | None = None
        self._numbers = count()
        self.blocked: Answer | None = None
        """Trouble on our side of the wire, while which nothing is sent."""
        self.is_gone = False
        """Whether the sink said that it wants no message any more."""

    def add(self, delivery: Delivery) -> None:
        """Take up a message."""
        self.held[delivery.message.key] = delivery
        self._memory += len(delivery.octets)
        self._disk += delivery.spool.size if delivery.spool else 0
        self._ready.append(delivery)

    def take(self, *, now: float, under_way: int) -> Delivery | None:
        """Return what may be sent now, while `under_way` others are."""
        later = self._later
        while later and later[0][0] <= now:
            self._ready.appendleft(heappop(later)[2])
        if not self._ready or now < self._opens_at or self.is_gone or self.blocked:
            return None
        if self._failures >= self._concurrency and under_way:
            return None  # a sink that fails is asked one at a time, until it accepts
        return self._ready.popleft()

    def wake_at(self, *, now: float) -> float | None:
        """Return when `take` may have more to give without anything else happening."""
        if now < self._opens_at and (self._ready or self._later):
            return self._opens_at
        return self._later[0][0] if self._later else None

    @property
    def _opens_at(self) -> float:
        return max(self._closed_until, self._told_until)

    def put_back(self, delivery: Delivery) -> None:
        """Have it sent again at once: it never reached the sink."""
        self._ready.appendleft(delivery)

    def settle(self, delivery: Delivery) -> None:
        """Let go of a message that is done with."""
        del self.held[delivery.message.key]
        self._memory -= len(delivery.octets)
        if delivery.spool:
            self._disk -= delivery.spool.size
            delivery.spool.close()

    def replace(self, delivery: Delivery, octets: bytes, spool: Spool | None, *, head: int) -> None:
        """Have it sent in another form from now on."""
        self._memory += len(octets) - len(delivery.octets)
        self._disk += (spool.size if spool else 0) - (delivery.spool.size if delivery.spool else 0)
        if delivery.spool and delivery.spool is not spool:
            delivery.spool.close()
        delivery.octets, delivery.spool, delivery.head = octets, spool, head

    def accept(self, delivery: Delivery, *, now: float) -> None:
        """Note that the sink took it; what waited for the sink to come back need not wait any longer."""
        self._accepted += 1
        self._accepted_at = now
        self._trouble = None if not self.is_gone else self._trouble
        if self._failures >= self._concurrency:
            self._closed_until = 0.0
            self._ready.extend(waiting for _, _, waiting in sorted(self._later))
            self._later.clear()
        self._failures = self._closings = 0
        self.settle(delivery)

    def fail(self, delivery: Delivery, answer: Answer, *, now: float) -> bool:
        """Put it back for later. True: not this time, it has failed alone too often."""
        self._trouble = answer
        self.is_gone = self.is_gone or answer.verdict is Verdict.GONE
        self._failures += 1
        delivery.failures += 1
        said_to_it = answer.verdict is Verdict.AGAIN and not (answer.is_transport or answer.is_busy)
        if said_to_it and self._accepted > delivery.accepted_before:
            delivery.lonely_failures += 1
            if delivery.lonely_failures >= LONELY_FAILURES:
                return True
        delivery.accepted_before = self._accepted
        if answer.retry_after_seconds is not None:
            self._told_until = max(self._told_until, now + answer.retry_after_seconds)
        # Those that were under way at the last closing fail for the same fault, and are not another.
        if self._failures >= self._concurrency and delivery.started >= self._opens_at:
            self._closings += 1
            self._closed_until = max(self._closed_until, now + self._backoff(self._closings))
        # After so many failures it may be the message, and the others are let past.
        self._defer(delivery, now=now, keeps_its_place=not said_to_it or delivery.failures < LONELY_FAILURES)
        return False

    def postpone(self, delivery: Delivery, *, now: float) -> None:
        """Put a refused message back for later: it says nothing of the sink."""
        delivery.failures += 1
        self._defer(delivery, now=now, keeps_its_place=True)

    def _defer(self, delivery: Delivery, *, now: float, keeps_its_place: bool) -> None:
        """Have it sent again later. Where one goes at a time, that is the order, and those behind it wait too."""
        again_at = now + self._backoff(delivery.failures)
        if self._concurrency > 1:
            heappush(self._later, (again_at, next(self._numbers), delivery))
            return
        (self._ready.appendleft if keeps_its_place else self._ready.append)(delivery)
        self._closed_until = max(self._closed_until, again_at)

    def _backoff(self, attempt: int) -> float:
        return backoff_seconds(attempt, first=FIRST_BACKOFF, longest=LONGEST_BACKOFF, chance=self._chance())

    def judge_fullness(self) -> bool | None:
        """Say whether no more is wanted now, or None where that has not changed."""
        limit = 0.5 if self._full else 1.0
        full = (
            self._memory > MEMORY_LIMIT * limit
            or self._disk > DISK_LIMIT * limit
            or len(self.held) > HELD_LIMIT * limit
        )
        if full == self._full:
            return None
        self._full = full
        return full

    def health(self, *, now: float) -> SinkHealth:
        """Say how delivery goes."""
        trouble = self.blocked or self._trouble
        if not self.held or trouble is None:
            return SinkHealth(held=len(self.held))
        waiting = now - max(self._accepted_at, min(delivery.since for delivery in self.held.values()))
        misconfigured = trouble.verdict is Verdict.MISCONFIGURED
        failing = misconfigured or waiting >= FAILING_AFTER
        reason = "SinkGone" if self.is_gone else "SinkMisconfigured" if misconfigured else "SinkFailing"
        said = trouble.said
        if failing or self.is_gone:
            reason, said = name_trouble(trouble.evidence, reason=reason, said=said)
        return SinkHealth(held=len(self.held), gone=self.is_gone, failing=failing, reason=reason, said=said)
