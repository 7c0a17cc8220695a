"""Names of IMAP mailboxes on the wire: modified UTF-7 (RFC 3501 section 5.1.3), and what servers send instead."""

import re
from base64 import b64decode, b64encode
from binascii import Error
from typing import Final

SHIFTED: Final = re.compile(rb"&([A-Za-z0-9+,]*)-")
PRINTABLE: Final = re.compile(r"[^ -~]+|&")


def encode_mailbox_name(name: str) -> bytes:
    """Write a name in modified UTF-7."""
    return PRINTABLE.sub(_shift, name).encode("ascii")


def decode_mailbox_name(octets: bytes) -> str:
    r"""Read a name. One that is not modified UTF-7 is read as UTF-8, and octets that are neither come out as `\xNN`."""
    if b"&" not in SHIFTED.sub(b"", octets):
        try:
            return SHIFTED.sub(_unshift, octets).decode("utf-8")
        except ValueError:
            pass
    return octets.decode("utf-8", "backslashreplace")


def _shift(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    encoded = b64encode(found[0].encode("utf-16-be", "surrogatepass")).rstrip(b"=").replace(b"/", b",")
    return f"&{encoded.decode('ascii')}-"


def _unshift(found: re.Match[bytes]) -> bytes:
    encoded = found[1].replace(b",", b"/")
    if not encoded:
        return b"&"
    try:
        octets = b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except Error as error:
        raise ValueError("no base64") from error
    return octets.decode("utf-16-be").encode("utf-8")
