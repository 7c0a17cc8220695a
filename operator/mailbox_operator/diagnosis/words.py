"""A server's words as the rules see them: out of a library's wrapping, in one line, without what belongs to one user."""

import base64
import binascii
import quopri
import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

SEEN: Final = 3072
"""Characters that are looked at: the first of a text, and the last `TAIL` of a longer one (a traceback names its fault there)."""
TAIL: Final = 1024

ESCAPES: Final = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")  # octets in Python's writing
UNICODE_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
LINE_ESCAPES: Final = re.compile(r"\\+[rnt]")
QUOTED_PRINTABLE: Final = re.compile(r"=(?:3D|20|0[AD]|C[23]=[0-9A-F]{2}|E2=[0-9A-F]{2}|\r?\n)")
ENCODED_WORD: Final = re.compile(r"=\?[\w-]{1,40}\?[bqBQ]\?[^?\s]{1,400}\?=")
MOJIBAKE: Final = re.compile(r"[\u0080-\u00ff]{6,}")
IDEOGRAPHS: Final = re.compile(r"[\u4e00-\u9fff]")
CHALLENGE: Final = re.compile(r"\beyJ[A-Za-z0-9+/]{16,600}={0,2}(?![A-Za-z0-9+/._-])")
TELLING: Final = re.compile(r'"(?:status|schemes|scope|openid-configuration)"')
REPLY: Final = re.compile(r"(?<![\d.:])([245]\d\d)[- ]")
ADDRESS: Final = re.compile(r"<?\b[\w.+=%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}>?|<[^\s<>@]{1,64}@[^\s<>]{1,255}>")
QUOTES: Final = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u00a0": " ",
    }
)
HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])_+(?=[A-Za-z])")
"""Where an error's name goes on with its next word."""
USER: Final = "USER"
"""What stands for an address."""


def normalise(text: str) -> str:
    """Return `text` in one line: octets and escapes decoded, replies of several lines joined, addresses replaced by `USER`."""
    text = text if len(text) <= SEEN else f"{text[: SEEN - TAIL]} {text[-TAIL:]}"
    text = _unescaped(text.translate(QUOTES))
    text = CHALLENGE.sub(_challenge, _mime_decoded(_mended(text)))
    return " ".join(ADDRESS.sub(USER, _joined(text)).split())


def spelled_out(text: str) -> str:
    """Return `text` with the names of errors taken apart: `ConnectionRefused`, `CONNECTION_REFUSED` as `Connection Refused`."""
    return HUMP.sub(" ", text)


def _unescaped(text: str) -> str:
    """Undo Python's and JSON's writing of octets and characters."""
    if "\\" not in text:
        return text
    text = ESCAPES.sub(lambda found: _decoded(bytes.fromhex(found[0].replace("\\x", ""))), text)
    text = UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return LINE_ESCAPES.sub("\n", text).replace('\\"', '"').replace("\\'", "'").replace("\\/", "/")


def _decoded(octets: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):  # QQ and NetEase write GBK
        try:
            return octets.decode(encoding)
        except UnicodeDecodeError:
            continue
    return octets.decode("latin-1")


def _mended(text: str) -> str:
    """Read GBK or UTF-8 that a library has read as Latin-1."""

    def mend(found: re.Match[str]) -> str:
        candidate = _decoded(found[0].encode("latin-1"))
        return candidate if IDEOGRAPHS.search(candidate) else found[0]

    return MOJIBAKE.sub(mend, text)


def _mime_decoded(text: str) -> str:
    """Undo quoted-printable and encoded words (RFC 2045, RFC 2047)."""
    if "=?" in text:
        text = ENCODED_WORD.sub(_decoded_word, text)
    if len(QUOTED_PRINTABLE.findall(text)) > 1:
        text = quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    return text


def _decoded_word(found: re.Match[str]) -> str:
    try:
        word, charset = decode_header(found[0])[0]
        return word.decode(charset or "ascii", "replace") if isinstance(word, bytes) else word
    except (HeaderParseError, LookupError, ValueError):
        return found[0]


def _challenge(found: re.Match[str]) -> str:
    """Decode what a server says of a refused token (RFC 7628 section 3.2.2, XOAUTH2): JSON in base64."""
    try:
        said = base64.b64decode(found[0] + "=" * (-len(found[0]) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return found[0]
    return f"{found[0]} {said}" if TELLING.search(said) else found[0]


def _joined(text: str) -> str:
    """Take the codes that a reply repeats on each line out of its further lines."""
    first = REPLY.search(text)
    end = first.end() + 8 if first else 12  # past the enhanced code of the first line
    again = rf"(?:{first[1]}[- ])" if first else ""
    continued = rf"\s+{again}(?:[245]\.\d{{1,3}}\.\d{{1,3}}\s+)?" if first else r"\n(?:[245]\.\d{1,3}\.\d{1,3}\s+)"
    return text[:end] + re.sub(continued, " ", text[end:])
