"""When a server took a message, from its header: where the protocol does not say (RFC 5321 section 4.4, RFC 5322 section 3.3)."""

import re
from typing import Final

from mailbox_operator.fetcher.headers import LOOKED_AT

DATE_TIME: Final = re.compile(
    rb"(\d{1,2})\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\s+(\d{4})\s+"
    rb"(\d\d):(\d\d)(?::(\d\d))?(?:\s+([+-]\d{4}))?",
    re.IGNORECASE,
)
USUAL: Final = 2048
"""Octets that hold the topmost `Received`, as a rule."""
FIELD_END: Final = re.compile(rb"\r\n(?![ \t])")
FIRST_FIELD: Final = re.compile(rb"(?i:received)(:)")
RECEIVED: Final = re.compile(rb"\r\n(?:\r\n|(?i:received)(:))")
"""The header's end, or the topmost `Received`: found where it lies, which nearly always is near the start (2 µs less)."""


def arrival_date(message: bytes | memoryview) -> bytes:
    """Return the date of the topmost `Received`, else of `Date`, as IMAP writes a date-time, or b"": there is none."""
    found = FIRST_FIELD.match(message) or RECEIVED.search(message, 0, USUAL)
    over = FIELD_END.search(message, found.end(), USUAL) if found and found.lastindex else None
    if found and over and (date := _date_of(bytes(message[found.end() : over.start()]))):
        return date
    header = b""
    for most in (USUAL, LOOKED_AT):
        block = b"\r\n" + message[:most]
        end = block.find(b"\r\n\r\n")
        header = block[: (end if end >= 0 else block.rfind(b"\r\n")) + 2]  # whole lines only
        if date := _date_in(header, b"\r\nreceived:"):
            return date
        if end >= 0 or len(message) <= most:
            break
    return _date_in(header, b"\r\ndate:")


def _date_in(header: bytes, name: bytes) -> bytes:
    lowered = header.lower()
    start = lowered.find(name) + len(name)
    if start < len(name):
        return b""
    over = FIELD_END.search(lowered, start)
    return _date_of(header[start : over.start() if over else len(header)])


def _date_of(value: bytes) -> bytes:
    """Return a field's date."""
    found = DATE_TIME.search(value, value.rfind(b";") + 1)
    if not found:
        return b""
    day, month, year, hour, minute, second, zone = found.groups()
    return b"%2d-%b-%b %b:%b:%b %b" % (int(day), month.title(), year, hour, minute, second or b"00", zone or b"+0000")
