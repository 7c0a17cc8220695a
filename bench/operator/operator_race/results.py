"""What one trial of one contestant came to."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from operator_race.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """All objects created at once."""

    objects: int
    handled: int
    """Of them, those with a status of their generation."""
    seconds: float
    """From the first creation to the last first status."""
    median_seconds: float
    """From an object's creation to its first status."""
    p99_seconds: float
    requests: Counter[Request]
    cpu_seconds: float
    rss_before: int
    """Octets, as is `rss_after`."""
    rss_after: int

    @property
    def objects_per_second(self) -> float:
        """Objects brought to their first status a second."""
        return self.handled / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The operator stopped and started again over unchanged objects."""

    requests: Counter[Request]
    cpu_seconds: float
    busy_seconds: float
    """To its last busy moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """All objects to be looked at again, and new ones in the midst of it."""

    handled: int
    new: int
    new_handled: int
    seconds: float
    """From the first patch to the last object handled again."""
    new_median_seconds: float
    new_p99_seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One contestant in one round."""

    contestant: str
    round: int
    load: Load
    restart: Restart
    refresh: Refresh

    @property
    def complete(self) -> bool:
        """Whether every object was handled each time."""
        all_again = self.refresh.handled == self.load.objects and self.refresh.new_handled == self.refresh.new
        return self.load.handled == self.load.objects and all_again


def writes(requests: Counter[Request], *, only_status: bool = False) -> int:
    """Return how many of the requests were writes."""
    return sum(n for one, n in requests.items() if one.is_write and (one.subresource == "status" or not only_status))


def quantile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least `share` of them do not exceed; not a number without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else math.nan
