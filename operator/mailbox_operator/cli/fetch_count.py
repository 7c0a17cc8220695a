"""How a fetch goes: counts, and a line of JSON each second for a program."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mailbox_operator.fetcher.meter import Meter
from mailbox_operator.fetcher.process import Observe
from mailbox_operator.fetcher.progress import Progress, State

JSON_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What this run has done so far."""

    seconds: float
    delivered: int = 0
    octets: int = 0
    skipped: int = 0
    quarantined: int = 0
    pending: int = 0
    retries: int = 0
    state: State = State.STARTING
    reason: str = ""
    message: str = ""

    @property
    def done(self) -> int:
        """Messages that are done with, one way or another."""
        return self.delivered + self.skipped

    @property
    def rate(self) -> float:
        """Messages handed over a second."""
        return self.delivered / self.seconds if self.seconds else 0.0

    def to_json(self, **more: object) -> str:
        """Write it in a line."""
        return json.dumps(
            {
                "delivered": self.delivered,
                "pending": self.pending,
                "skipped": self.skipped,
                "quarantined": self.quarantined,
                "retries": self.retries,
                "octets": self.octets,
                "seconds": round(self.seconds, 3),
                "messagesPerSecond": round(self.rate, 1),
                "state": self.state.value,
                **({"reason": self.reason, "message": self.message} if self.reason else {}),
                **more,
            },
            ensure_ascii=False,
        )


class Counter:
    """Makes counts of what a fetcher says; its checkpoint may remember quarantined messages of earlier runs."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._quarantined_before: int | None = None
        self.latest = Count(seconds=0.0)

    def take(self, progress: Progress, meter: Meter) -> Count:
        """Return what was done so far."""
        if self._quarantined_before is None:
            self._quarantined_before = progress.quarantined
        self.latest = Count(
            seconds=time.monotonic() - self._began,
            delivered=meter.messages_delivered,
            octets=meter.bytes_delivered,
            skipped=meter.skipped,
            quarantined=progress.quarantined - self._quarantined_before,
            pending=progress.pending,
            retries=meter.retries,
            state=progress.state,
            reason=progress.reason,
            message=progress.message,
        )
        return self.latest


@contextmanager
def shown_as_json() -> Iterator[Observe]:
    """Write counts as they come, and at the end what became of it; what is yielded takes them."""
    counter, said = Counter(), 0.0

    def take(progress: Progress, meter: Meter) -> None:
        nonlocal said
        count = counter.take(progress, meter)
        if count.seconds - said >= JSON_SECONDS:
            said = count.seconds
            _say(count.to_json())

    try:
        yield take
    finally:
        _say(counter.latest.to_json(summary=True))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
