"""When a mailbox is proven again. Pure: clock and randomness are arguments."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

LOGIN_FIRST: Final = timedelta(hours=1)
LOGIN_LONGEST: Final = timedelta(hours=32)
TRANSPORT_FIRST: Final = 1.0
TRANSPORT_LONGEST: Final = 300.0
UNANSWERED_FIRST: Final = 300.0
UNANSWERED_LONGEST: Final = 3600.0
LIMITED_TRIES: Final = 3
JITTER: Final = 0.1


def rfc3339(moment: datetime) -> str:
    """Return a moment as Kubernetes writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat()[:19] + "Z"


def parse_time(text: str) -> datetime:
    """Return a moment that `rfc3339` wrote. Raises ValueError."""
    return datetime.fromisoformat(text)


def next_login_failures(previous: dict[str, Any] | None, *, now: datetime) -> dict[str, Any]:
    """Return the count of refused logins after one more: the first waits an hour, each further twice as long, at most 32 h."""
    count = int(previous["count"]) + 1 if previous else 1
    wait = min(LOGIN_FIRST * 2 ** min(count - 1, 10), LOGIN_LONGEST)
    return {
        "count": count,
        "since": previous["since"] if previous else rfc3339(now),
        "nextAttemptTime": rfc3339(now + wait),
    }


def transport_delay(tries: int, *, jitter: float) -> float:
    """Return seconds to wait after the n-th failure in a row: 1 s to 5 min, full jitter (`jitter` from 0 to 1)."""
    ceiling = min(TRANSPORT_FIRST * 2.0 ** min(tries, 16), TRANSPORT_LONGEST)
    return TRANSPORT_FIRST + (ceiling - TRANSPORT_FIRST) * jitter


def unanswered_delay(tries: int, *, jitter: float) -> float:
    """Return seconds to wait after the n-th login in a row that nobody answered: 5 min to an hour, give or take a tenth.

    A server that delays its refusals past our deadline counts each of these tries.
    """
    return interval_delay(min(UNANSWERED_FIRST * 2.0 ** min(tries - 1, 16), UNANSWERED_LONGEST), jitter=jitter)


def interval_delay(seconds: float, *, jitter: float) -> float:
    """Return an interval give or take a tenth, so that mailboxes made together are not proven together for ever."""
    return seconds * (1 - JITTER + 2 * JITTER * jitter)
