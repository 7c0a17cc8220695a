"""When a server took a message, from its header: where the protocol does not say (RFC 5321 section 4.4, RFC 5322 section 3.3)."""

import re
from typing import Final

from mailbox_operator.fetcher.headers import LOOKED_AT, USUAL

DATE_TIME: Final = re.compile(
    rb"(\d{1,2})\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\s+(\d{4})\s+"
    rb"(\d\d):(\d\d)(?::(\d\d))?(?:\s+([+-]\d{4}))?",
    re.IGNORECASE,
)
FIELD_END: Final = re.compile(rb"\r\n(?![ \t])")


def arrival_date(message: bytes | memoryview) -> bytes:
    """Return the date of the topmost `Received`, else of `Date`, as IMAP writes a date-time, or b"": there is none."""
    block = b"\r\n" + message[:USUAL]
    end = block.find(b"\r\n\r\n")
    if end < 0 and len(message) > USUAL:
        block = b"\r\n" + message[:LOOKED_AT]
        end = block.find(b"\r\n\r\n")
    lowered = (block[: end + 2] if end >= 0 else block).lower()
    for name in (b"\r\nreceived:", b"\r\ndate:"):
        start = lowered.find(name)
        if start < 0:
            continue
        over = FIELD_END.search(lowered, start + len(name))
        value = block[start + len(name) : over.start() if over else len(lowered)]
        if found := DATE_TIME.search(value, value.rfind(b";") + 1):
            return _as_imap(found)
    return b""


def _as_imap(found: re.Match[bytes]) -> bytes:
    day, month, year, hour, minute, second, zone = found.groups()
    return b"%2d-%b-%b %b:%b:%b %b" % (int(day), month.title(), year, hour, minute, second or b"00", zone or b"+0000")
