"""What a sink's answer to one message means. Pure."""

from enum import Enum
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.values import dataclass

RETRY_AFTER_LIMIT: Final = 3600.0
"""Seconds: nobody may send us away for longer."""
BUSY: Final = frozenset({408, 425, 429})
"""The request may be repeated as it is (RFC 9110 section 15.5.9, RFC 8470, RFC 6585)."""
ABOUT_THE_SINK: Final = frozenset({401, 403, 404, 405, 407})
"""Said of the address or its door-keeper: the next message would hear the same, so none of them is at fault."""
GONE: Final = 410


class Verdict(Enum):
    """What becomes of the message."""

    DELIVERED = "delivered"
    AGAIN = "again"
    """The sink cannot now."""
    MISCONFIGURED = "misconfigured"
    """The sink will not before a person changes something; the message waits."""
    REFUSED = "refused"
    """The sink does not want this message."""
    GONE = "gone"
    """The sink wants no message any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A verdict, the sentence for status, and the delay that the sink asked for."""

    verdict: Verdict
    said: str
    retry_after_seconds: float | None = None
    is_transport: bool = False
    """Whether nothing was said to the message itself."""
    is_busy: bool = False
    """Whether it was said because of how much comes, and when: any other message would have heard the same."""
    evidence: Evidence | None = None
    """For the knowledge base; None: it is trouble of our own."""


DELIVERED: Final = Answer(verdict=Verdict.DELIVERED, said="")


def judge_answer(status: int, *, retry_after: bytes = b"", now: float = 0.0) -> Answer:
    """Judge an HTTP status; `retry_after` is the field's value, `now` seconds since the epoch."""
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15
        return DELIVERED
    said = f"The sink answered {status}"
    evidence = Evidence(text=f"HTTP {status}", area="webhook", status=str(status))
    if status in BUSY or status >= 500:  # noqa: PLR2004
        delay = parse_retry_after(retry_after, now=now)
        is_busy = status in BUSY or delay is not None
        return Answer(verdict=Verdict.AGAIN, said=said, retry_after_seconds=delay, is_busy=is_busy, evidence=evidence)
    if status < 400:  # noqa: PLR2004
        return Answer(verdict=Verdict.MISCONFIGURED, said=f"{said}: redirects are not followed", evidence=evidence)
    if status == GONE:
        return Answer(verdict=Verdict.GONE, said=f"{said}: it is gone for good", evidence=evidence)
    if status in ABOUT_THE_SINK:
        return Answer(verdict=Verdict.MISCONFIGURED, said=said, evidence=evidence)
    return Answer(verdict=Verdict.REFUSED, said=said, evidence=evidence)


def parse_retry_after(value: bytes, *, now: float) -> float | None:
    """Return the seconds that `Retry-After` names (RFC 9110 section 10.2.3), at most an hour; None: it names none."""
    text = value.decode("ascii", "replace").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text[:9]), RETRY_AFTER_LIMIT)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - a megabyte that few sinks make us need

    try:
        when = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(when - now, 0.0), RETRY_AFTER_LIMIT)
