"""The few kinds of IMAP responses a fetcher reads, from octets to values (RFC 9051 section 7)."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from time import gmtime
from typing import Final, NamedTuple

from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.message import Arrival
from mailbox_operator.mail.imap.data import INTERNALDATE, UID

SIZE: Final = re.compile(rb"[( ]RFC822\.SIZE (\d+)", re.IGNORECASE)
FLAGS: Final = re.compile(rb"[( ]FLAGS \(([^)]*)\)", re.IGNORECASE)
SEEN: Final = b"\\Seen"
BODY: Final = re.compile(rb"[( ]BODY\[(|HEADER)\] (?:~?\{\d+\}$|\"((?:[^\"\\]|\\.)*)\"|NIL)", re.IGNORECASE)
# The order in which we ask; servers answer in it, and one match is cheaper than four.
WHOLE: Final = re.compile(
    rb"\* \d{1,10} FETCH \(UID (\d{1,10}) FLAGS \(([^)\r\n]{0,4096})\) "
    rb'INTERNALDATE "([^"\r\n]{1,64})" RFC822\.SIZE (\d{1,19}) BODY\[(|HEADER)\] ~?\{(\d{1,19})\}\r\n'
)
DATE: Final = re.compile(rb"([ \d]\d-[A-Za-z]{3}-\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})")
MONTHS: Final = {
    name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}

LISTED: Final = rb'\* \d{1,10} FETCH \(UID (\d{1,10}) INTERNALDATE "([^"\r\n]{1,64})" RFC822\.SIZE (\d{1,19})\)'
EACH_LISTED: Final = re.compile(rb"^%b\r?$" % LISTED, re.MULTILINE)
LISTED_TOGETHER: Final = re.compile(rb"(?:%b\r\n){1,1000}+" % re.sub(rb"(?<!\\)\(", rb"(?:", LISTED))  # no groups


class Listed(NamedTuple):
    """A message that is there."""

    uid: Uid
    size: int
    internaldate: bytes


def read_whole(whole: re.Match[bytes]) -> Arrival:
    """Read what WHOLE matched."""
    uid, flags, date, size, section, _ = whole.groups()
    return Arrival(int(uid), date, int(size), bool(section), SEEN in flags)


def parse_fetched(text: bytes) -> Arrival | None:
    """Read a FETCH response with a body, literals left out. None: it has no UID, or no body."""
    body = BODY.search(text)
    return read_fetched(text, header_only=bool(body[1])) if body else None


def read_fetched(text: bytes, *, header_only: bool) -> Arrival | None:
    """Read what a FETCH response says besides its body, in any order. None: it has no UID."""
    uid, date, size, flags = UID.search(text), INTERNALDATE.search(text), SIZE.search(text), FLAGS.search(text)
    if not uid:
        return None
    seen = bool(flags and SEEN.lower() in flags[1].lower())
    return Arrival(Uid(int(uid[1])), date[1] if date else b"", int(size[1]) if size else 0, header_only, seen)


def parse_quoted_body(text: bytes) -> bytes | None:
    """Return the body of a FETCH response that holds it as a quoted string or NIL. None: it has none."""
    found = BODY.search(text)
    return re.sub(rb"\\(.)", rb"\1", found[2] or b"") if found else None


def parse_listed(text: bytes) -> list[Listed]:
    """Read `* n FETCH (UID … INTERNALDATE … RFC822.SIZE …)`: one line, or what LISTED_TOGETHER matched.

    Empty: it is something else. (A line by itself costs 4 µs from the reader to here, one of many 1.)
    """
    if usual := EACH_LISTED.findall(text):
        return [Listed(Uid(int(uid)), int(size), date) for uid, date, size in usual]
    uid, size = UID.search(text), SIZE.search(text)
    if not uid or not size or b" FETCH (" not in text:
        return []
    date = INTERNALDATE.search(text)
    return [Listed(Uid(int(uid[1])), int(size[1]), date[1] if date else b"")]


def seconds_of_date(internaldate: bytes) -> int | None:
    """Turn `17-Jul-1996 02:44:25 -0700` into seconds since the epoch. None: it is no such date."""
    found = DATE.fullmatch(internaldate)
    if not found:
        return None
    day, hour, minute, second, zone = found.groups()
    midnight = _midnight(day, zone)
    return None if midnight is None else midnight + int(hour) * 3600 + int(minute) * 60 + int(second)


@lru_cache(maxsize=64)  # mail comes by the day
def _midnight(day: bytes, zone: bytes) -> int | None:
    """Return when a day began in a time zone (`-0700`), or None: there is no such day."""
    try:
        when = datetime(int(day[7:11]), MONTHS[day[3:6].title()], int(day[0:2]), tzinfo=UTC)
    except (KeyError, ValueError):
        return None
    ahead = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
    return int(when.timestamp()) - (-ahead if zone[:1] == b"-" else ahead)


def render_date(seconds: float) -> bytes:
    """Write the UTC day of seconds since the epoch as SEARCH wants it: `17-Jul-1996`."""
    when = gmtime(seconds)
    return b"%d-%b-%d" % (when.tm_mday, list(MONTHS)[when.tm_mon - 1], when.tm_year)
