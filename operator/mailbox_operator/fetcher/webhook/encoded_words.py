"""Words of a header field that are not ASCII: RFC 2047, and the raw octets that people send in its place. Pure.

`email.header` looks for a word's end through the whole field, for each word again: quadratic, and the sender chooses.
"""

import re
from binascii import Error, a2b_base64, a2b_qp
from typing import Final

WORD: Final = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?\r\n]{0,1000})\?=")
FOLD: Final = re.compile(r"\r?\n(?=[ \t])")


def decode_octets(octets: bytes, charset: str) -> str:
    """Return text; where the charset is unknown or wrong, what is most likely. No surrogates."""
    for name in (charset.partition("*")[0], "utf-8"):  # RFC 2231 section 5 adds a language
        try:
            return _clean(octets.decode(name))
        except (LookupError, ValueError):
            continue
    return octets.decode("cp1252", "replace")


def decode_field(value: str) -> str:
    """Return a field's value as people read it. `value` has octets that are not ASCII as surrogates."""
    value = FOLD.sub("", value)
    if not value.isascii():
        value = decode_octets(value.encode("utf-8", "surrogateescape"), "utf-8")
    if "=?" not in value:
        return value
    parts: list[str] = []
    end, charset, octets = 0, "", b""
    for found in WORD.finditer(value):
        between = value[end : found.start()]
        follows = octets and not between.strip()  # white space between two words belongs to neither
        if not follows or found[1].lower() != charset:  # else: some cut a character in two
            parts.append(decode_octets(octets, charset))
            octets = b""
        if not follows:
            parts.append(between)
        charset, end = found[1].lower(), found.end()
        octets += _word(found[2], found[3])
    return "".join((*parts, decode_octets(octets, charset), value[end:]))


def _word(encoding: str, text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(octets, header=True)
    try:
        return a2b_base64(octets + b"=" * (-len(octets) % 4))
    except Error:
        return octets


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
