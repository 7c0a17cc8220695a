"""What IMAP servers say of folders that are not open and of what was searched for, from octets to values (RFC 9051 section 7.3)."""

import re
from typing import Final, NamedTuple

from mailbox_operator.fetcher.checkpoint.uid_set import parse_uid_set
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.mail.imap.data import ESCAPED, QUOTED

STATUS: Final = re.compile(rb"\* STATUS (?:" + QUOTED + rb'|([^\s"(){]+)) \(([^)]*)\) ?', re.IGNORECASE | re.DOTALL)
ESEARCH: Final = re.compile(rb"\* ESEARCH\b.*?(?: ALL ([\d:,]+))?(?: MODSEQ \d+)?", re.IGNORECASE)
FOUND_LIMIT: Final = 1_000_000


class FolderStatus(NamedTuple):
    """What STATUS told of a folder that is not open."""

    wire: bytes
    uidvalidity: UidValidity | None
    uidnext: Uid | None
    modseq: int | None


def parse_status(line: bytes) -> FolderStatus | None:
    """Read `* STATUS "Sent" (UIDNEXT 5 UIDVALIDITY 7)`. None: it is something else."""
    found = STATUS.fullmatch(line)
    if not found:
        return None
    quoted, atom, items = found.groups()
    words = items.upper().split()
    values = {name: int(value) for name, value in zip(words[::2], words[1::2], strict=False) if value.isdigit()}
    uidvalidity, uidnext = values.get(b"UIDVALIDITY"), values.get(b"UIDNEXT")
    return FolderStatus(
        wire=ESCAPED.sub(rb"\1", quoted) if quoted is not None else atom,
        uidvalidity=None if uidvalidity is None else UidValidity(uidvalidity),
        uidnext=None if uidnext is None else Uid(uidnext),
        modseq=values.get(b"HIGHESTMODSEQ"),
    )


def parse_esearch(line: bytes) -> list[Uid] | None:
    """Read `* ESEARCH (TAG "m5") UID ALL 2:3,5` (RFC 4731). None: it is something else, or no such set."""
    found = ESEARCH.fullmatch(line)
    if not found:
        return None
    try:
        return list(parse_uid_set((found[1] or b"").decode("ascii"), limit=FOUND_LIMIT))
    except ValueError:
        return None
