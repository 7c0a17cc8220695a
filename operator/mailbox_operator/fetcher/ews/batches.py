"""How messages are asked for together, and how their time of arrival is written. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

BATCH_OCTETS: Final = 4 << 20
"""Of messages asked for at once, unless one alone has more."""
BATCH_MESSAGES: Final = 50
MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def cut_batches(ids: Sequence[str], sizes: dict[str, int]) -> Iterator[list[str]]:
    """Cut into parts that are small enough; a large message is a part of its own."""
    part: list[str] = []
    octets = 0
    for one in ids:
        if part and (octets + sizes[one] > BATCH_OCTETS or len(part) >= BATCH_MESSAGES):
            yield part
            part, octets = [], 0
        part.append(one)
        octets += sizes[one]
    if part:
        yield part


def render_internaldate(seconds: float) -> bytes:
    """Write a time as IMAP does (RFC 9051 section 9, date-time)."""
    when = datetime.fromtimestamp(seconds, UTC)
    clock = when.strftime("%H:%M:%S").encode()
    return b"%02d-%b-%04d %b +0000" % (when.day, MONTHS[when.month - 1], when.year, clock)
