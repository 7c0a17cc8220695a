"""The three header fields a fetcher looks at, found without parsing a message (RFC 5322 section 2.2)."""

import re
from typing import Final, NamedTuple

LOOKED_AT: Final = 2 << 20
"""Octets at a message's start that may hold its header: some lines are a megabyte long."""
USUAL: Final = 8192
FOLD: Final = re.compile(rb"\r?\n[ \t]+")
# Whoever sends a message chooses how long a field is. Each pattern takes what it has passed for good (`*+`), for with every
# way to cut a megabyte of blanks or quotes tried, one message would hold the loop for hours.
QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
BRACKETED: Final = re.compile(rb"<([^<>\s]{1,320})>")
NAME_AND_ADDRESS: Final = re.compile(rb'(?:"[^"\\<>]*+"[ \t]*+|[^"<>,;:()]*+)<([^<>\s]{1,320})>')
"""How nearly all write it: one match, 0.4 µs, instead of 1.3."""
BARE: Final = re.compile(rb"[^\s<>(),;:\"]+@[^\s<>(),;:\"]+")
MESSAGE_ID_LIMIT: Final = 998
MESSAGE_ID: Final = re.compile(rb"\r\nmessage-id: ?(<[^<>\s]{1,320}>)\r\n(?![ \t])")
"""How nearly all write it."""
# A header walked through once, where it lies: the empty line at its end, or what is looked for, with its value where that
# is written as nearly all write it. To copy the header, make it lower case and search it three times took 3 µs more.
WALK: Final = re.compile(
    rb"\r\n(?:(\r\n)|(?i:message-id):(?: ?(<[^<>\s]{1,320}>)(?=\r\n[^ \t]))?|(?i:x-mailbox-operator-test):)"
)
END: Final = 1
FIRST: Final = re.compile(rb"\r\n|(?i:message-id|x-mailbox-operator-test):")
"""The same where no line's end comes before it."""
FIRSTS: Final = frozenset(b"\rmMxX")
SENDER: Final = re.compile(
    rb"\r\n(?:\r\n|From:"
    rb'(?: ?(?:"[^"\\<>\r\n]*+"[ \t]*+|[^"<>,;:()\r\n]*+)<([^<>\s]{1,320})>(?=\r\n[^ \t]))?)'
)


class Headers(NamedTuple):
    """What is looked at in every message."""

    message_id: bytes
    """With its angle brackets, or b""."""
    is_test: bool
    """Whether the operator sent it to itself."""


def read_headers(octets: bytes | memoryview) -> Headers:
    """Look at the start of a message."""
    return _read_usual(octets) or _read_any(octets)


def _read_usual(octets: bytes | memoryview) -> Headers | None:
    """Read a header as nearly all write it. None: this one is not so, or it is a test message's."""
    if not octets or (octets[0] in FIRSTS and FIRST.match(octets)):
        return None
    search, message_id, start = WALK.search, b"", 0
    while found := search(octets, start, USUAL):
        kind = found.lastindex
        if kind == END:
            return Headers(message_id, is_test=False)
        if kind is None:
            return None
        message_id = message_id or found[kind]  # the first counts
        start = found.end()
    return None


def _read_any(octets: bytes | memoryview) -> Headers:
    block = _block(octets)
    lowered = block.lower()
    start = lowered.find(b"\r\nmessage-id:")
    if start >= 0 and (usual := MESSAGE_ID.match(lowered, start)):
        message_id = block[usual.start(1) : usual.end(1)]
    else:
        message_id = _value(block, lowered, b"\r\nmessage-id:").replace(b" ", b"")[:MESSAGE_ID_LIMIT]
    return Headers(message_id, b"\r\nx-mailbox-operator-test:" in lowered)


def read_sender(octets: bytes | memoryview) -> bytes:
    """Return the address in `From`, without display name, or b""; from the start of a message."""
    found = SENDER.search(octets, 0, USUAL)
    if found and found.lastindex:
        return found[1]
    block = _block(octets)
    usual = _value(block, block, b"\r\nFrom:")
    return _address(usual or _value(block, block.lower(), b"\r\nfrom:"))


def field_values(octets: bytes | memoryview, name: bytes) -> list[bytes]:
    """Return the values of all fields of a name (in lower case), unfolded."""
    block = _block(octets)
    lowered, start = block.lower(), 0
    line = b"\r\n%b:" % name
    values: list[bytes] = []
    while (start := lowered.find(line, start)) >= 0:
        values.append(_value(block, lowered, line, start=start))
        start += len(line)
    return values


def _block(octets: bytes | memoryview) -> bytes:
    """Return the header with CRLF line ends and one more before the first field: a field begins after a line's end."""
    block = octets if isinstance(octets, bytes) else octets[:USUAL].tobytes()
    end = block.find(b"\r\n\r\n", 0, USUAL)
    if end < 0:
        block = bytes(octets[:LOOKED_AT])
        end = block.find(b"\r\n\r\n")
        if end < 0 and b"\n\n" in block:  # bare LF, as some servers hand out what they were given
            block = block[: block.find(b"\n\n") + 1].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return b"\r\n" + (block[: end + 2] if end >= 0 else block)


def _value(block: bytes, lowered: bytes, name: bytes, *, start: int = 0) -> bytes:
    """Return the value of the first field from `start`, unfolded, or b""."""
    start = lowered.find(name, start)
    if start < 0:
        return b""
    start += len(name)
    end = block.find(b"\r\n", start)
    while end >= 0 and block[end + 2 : end + 3] in {b" ", b"\t"}:
        end = block.find(b"\r\n", end + 2)
    value = block[start : end if end >= 0 else len(block)]
    return (FOLD.sub(b" ", value) if b"\n" in value else value).strip()


def _address(value: bytes) -> bytes:
    """Return the first address of an address list: display names may hold anything, so quoted ones go first."""
    if usual := NAME_AND_ADDRESS.fullmatch(value):
        return usual[1]
    if b'"' in value:
        value = QUOTED.sub(b"", value)
    if found := BRACKETED.search(value):
        return found[1]
    bare = BARE.search(value[:1024])
    return bare[0][:320] if bare else b""
