"""What is asked of folders and messages by IMAP, and what servers say of them, from octets to values (RFC 9051 section 7)."""

import re
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple

from mailbox_operator.mail.folders import Folder
from mailbox_operator.mail.mailbox_name import decode_mailbox_name

QUOTED: Final = rb'"((?:[^"\\]|\\.)*)"'
LIST: Final = re.compile(
    rb"\* LIST \(([^)]*)\) (?:NIL|" + QUOTED + rb") (?:" + QUOTED + rb'|([^\s"(){]+))(?: .*)?',
    re.IGNORECASE | re.DOTALL,
)
ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
LITERALS: Final = frozenset({"LITERAL+", "LITERAL-", "IMAP4REV2"})
"""Capabilities of servers that take literals unasked (RFC 7888)."""
UIDVALIDITY: Final = re.compile(rb"\* OK \[UIDVALIDITY (\d{1,10})\]", re.IGNORECASE)
NUMBER: Final = re.compile(rb"\d{1,10}")
UID: Final = re.compile(rb"[( ]UID (\d{1,10})\b", re.IGNORECASE)
INTERNALDATE: Final = re.compile(rb'[( ]INTERNALDATE "([^"]+)"', re.IGNORECASE)
SECTION: Final = re.compile(rb"[( ]BODY\[[^\]]*\] (?:" + QUOTED + rb"|NIL)", re.IGNORECASE | re.DOTALL)


class HeaderField(NamedTuple):
    """A field of a message's header that was asked for."""

    uid: int
    value: str
    """Unfolded; "": it has no such field."""
    received: datetime | None
    """When the server took the message, in UTC. None: the server does not say, or no date that there is."""


def render_list(offered: AbstractSet[str]) -> bytes:
    """Write the command that asks for all folders, with their special uses where the server tells them (RFC 6154)."""
    uses = b" RETURN (SPECIAL-USE)" if offered >= {"LIST-EXTENDED", "SPECIAL-USE"} else b""
    return b'LIST "" "*"' + uses


def parse_list(line: bytes) -> Folder | None:
    r"""Read `* LIST (\HasNoChildren) "/" "Sent"`. None: it is something else."""
    found = LIST.fullmatch(line)
    if not found:
        return None
    attributes, delimiter, quoted, atom = found.groups()
    wire = ESCAPED.sub(rb"\1", quoted) if quoted is not None else atom
    return Folder(
        name=decode_mailbox_name(wire),
        wire=wire,
        delimiter=ESCAPED.sub(rb"\1", delimiter or b"").decode("latin-1"),
        attributes=frozenset(attributes.decode("ascii", "replace").upper().split()),
    )


def mailbox_argument(wire: bytes, *, literals: bool) -> bytes:
    """Write a folder's name as an argument, octet for octet. `literals`: the server takes them unasked (RFC 7888)."""
    if literals and (not wire.isascii() or any(octet < 0x20 for octet in wire)):  # noqa: PLR2004 - control characters
        return b"{%d+}\r\n%b" % (len(wire), wire)
    return b'"%b"' % wire.replace(b"\\", b"\\\\").replace(b'"', b'\\"').translate(None, b"\r\n\0")


def parse_uidvalidity(lines: list[bytes]) -> int | None:
    """Read what the answer to EXAMINE says of it. None: nothing."""
    return next((int(found[1]) for found in map(UIDVALIDITY.match, lines) if found), None)


def parse_search(line: bytes) -> list[int] | None:
    """Read `* SEARCH 2 3 5`. None: it is something else, or no list of numbers."""
    if line[:8].upper() != b"* SEARCH":
        return None
    words = line[8:].split()
    return [int(word) for word in words] if all(NUMBER.fullmatch(word) for word in words) else None


def parse_header_field(line: bytes) -> HeaderField | None:
    """Read a FETCH response with one field of a header, a literal being put into it. None: it is something else."""
    section = SECTION.search(line)
    if section is None:
        return None
    rest = line[: section.start()] + line[section.end() :]  # whoever wrote the message wrote the section
    uid, date = UID.search(rest), INTERNALDATE.search(rest)
    if uid is None:
        return None
    field = ESCAPED.sub(rb"\1", section[1] or b"").decode("ascii", "replace")
    return HeaderField(
        uid=int(uid[1]),
        value=" ".join(field.partition(":")[2].split()),
        received=_moment(date[1]) if date else None,
    )


def _moment(date: bytes) -> datetime | None:
    with suppress(ValueError, OverflowError):  # `+9999` is no zone
        return datetime.strptime(date.decode("ascii", "replace"), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    return None
