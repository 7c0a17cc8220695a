"""Header fields that a Secret adds to each request: its keys are names, its values are values."""

import re
from collections.abc import Mapping
from typing import Final

NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # a token, RFC 9110 section 5.6.2
VALUE: Final = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")  # section 5.5
FIELDS: Final = 32
LONGEST: Final = 8192
"""Octets of a value."""
OURS: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
OUR_PREFIXES: Final = ("ce-", "webhook-")


class ExtraFieldError(ValueError):
    """A key of the Secret cannot be a header field: which, and why. The text does not repeat a value."""


def render_extra_fields(values: Mapping[str, bytes]) -> bytes:
    """Return the fields, sorted by name, each with its CRLF. White space around a value goes. Raises ExtraFieldError."""
    if len(values) > FIELDS:
        raise ExtraFieldError(f"it has {len(values)} keys; at most {FIELDS} header fields are sent")
    return b"".join(_render(name, values[name].strip()) for name in sorted(values))


def _render(name: str, value: bytes) -> bytes:
    lowered = name.lower()
    if not NAME.fullmatch(name):
        raise ExtraFieldError(f"its key {name[:128]!r} is no name of a header field")
    if lowered in OURS or lowered.startswith(OUR_PREFIXES):
        raise ExtraFieldError(f"its key {name} names a header field that the fetcher itself sends")
    if len(value) > LONGEST:
        raise ExtraFieldError(f"the value of its key {name} is longer than {LONGEST} octets")
    if not VALUE.fullmatch(value):
        raise ExtraFieldError(f"the value of its key {name} is empty or not one line of text")
    return b"%b: %b\r\n" % (name.encode(), value)
