"""The three header fields a fetcher looks at, found without parsing a message (RFC 5322 section 2.2)."""

import re
from typing import Final, NamedTuple

LOOKED_AT: Final = 65536
"""Octets at a message's start that may hold its header."""
USUAL: Final = 8192
FOLD: Final = re.compile(rb"\r?\n[ \t]+")
QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
BRACKETED: Final = re.compile(rb"<([^<>\s]{1,320})>")
BARE: Final = re.compile(rb"[^\s<>(),;:\"]+@[^\s<>(),;:\"]+")
MESSAGE_ID_LIMIT: Final = 998


class Headers(NamedTuple):
    """What delivery needs to know of a message."""

    message_id: bytes
    """With its angle brackets, or b""."""
    sender: bytes
    """The address in `From`, without display name, or b""."""
    is_test: bool
    """Whether the operator sent it to itself."""


def read_headers(octets: bytes | memoryview) -> Headers:
    """Look at the start of a message."""
    block = bytes(octets[:USUAL])
    end = block.find(b"\r\n\r\n")
    if end < 0 and len(octets) > USUAL:
        block = bytes(octets[:LOOKED_AT])
        end = block.find(b"\r\n\r\n")
    # A field begins after a line's end; the first one gets one put before it.
    block = b"\r\n" + (block[: end + 2] if end >= 0 else block)
    lowered = block.lower()
    return Headers(
        _value(block, lowered, b"\r\nmessage-id:").replace(b" ", b"")[:MESSAGE_ID_LIMIT],
        _address(_value(block, lowered, b"\r\nfrom:")),
        lowered.find(b"\r\nx-mailbox-operator-test:") >= 0,
    )


def _value(block: bytes, lowered: bytes, name: bytes) -> bytes:
    """Return a field's value, unfolded, or b""."""
    start = lowered.find(name)
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
    if b'"' in value:
        value = QUOTED.sub(b"", value)
    if found := BRACKETED.search(value):
        return found[1]
    bare = BARE.search(value[:1024])
    return bare[0][:320] if bare else b""
