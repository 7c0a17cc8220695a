"""A message taken apart for an application that does not want to parse mail: text, HTML, addresses, attachments.

Bounded, and never fails: what cannot be parsed is said so (`parsed: false`), and handed over as it is.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from email import policy
from email.message import Message as Part
from email.parser import BytesFeedParser
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from typing import Any, Final

from mailbox_operator.fetcher.webhook.encoded_words import decode_field, decode_octets

LOOKED_AT: Final = 16 << 20
"""Octets of a message that are parsed; what lies behind is not in the result (`complete: false`)."""
TEXT_LIMIT: Final = 2 << 20
"""Characters of a text or HTML."""
PARTS_LIMIT: Final = 500
FIELDS_LIMIT: Final = 1_000
FIELD_LIMIT: Final = 65_536
BOUNDARIES_LIMIT: Final = 100
"""The parser compares each line with the boundary of each part around it."""
PARAMETERS_LIMIT: Final = 8_192
"""Characters of a field whose parameters are looked for; the standard library's time for them grows with the square."""
ADDRESSES_LIMIT: Final = 65_536
"""Characters of all fields with addresses together; the same."""
BROKEN: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What the standard library's parser raises for messages that are none."""
ADDRESSES: Final = {
    "from": "from",
    "sender": "sender",
    "reply-to": "replyTo",
    "to": "to",
    "cc": "cc",
    "bcc": "bcc",
}
IDS: Final = {"in-reply-to": "inReplyTo", "references": "references"}

Data = dict[str, Any]


class _Part(Part):
    """A message or a part of one, which has no parameters where the field that they stand in is too long."""

    def get_param(self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True) -> Any:  # noqa: FBT001, FBT002 - the library's
        field = next((value for name, value in self.raw_items() if name.lower() == header.lower()), "")
        return failobj if len(field) > PARAMETERS_LIMIT else super().get_param(param, failobj, header, unquote)


def parse_message(pieces: Iterable[bytes], *, size: int) -> Data:
    """Return what JSON can hold of a message of `size` octets in all."""
    octets = b"".join(_first(pieces))
    complete = len(octets) >= size
    try:
        if octets.lower().count(b"boundary") > BOUNDARIES_LIMIT:
            raise ValueError("it is nested too deeply")
        data = _parse(octets)
    except BROKEN:
        data = _unparsed(octets)
    if not complete and data["attachments"]:
        # The last one is cut; whoever wants it can still fetch that section of the message by IMAP.
        data["attachments"][-1] |= {"content": None, "size": None, "sha256": None}
    return data | {"complete": complete, "size": size}


def _first(pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = LOOKED_AT
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _parse(octets: bytes) -> Data:
    parser = BytesFeedParser(
        _Part, policy=policy.compat32
    )  # the newer policy parses each field eagerly, and trips over more
    parser.feed(octets)
    message = parser.close()
    fields = [(name, _cut(value)) for name, value in message.raw_items()][:FIELDS_LIMIT]
    data: Data = {"parsed": True, **_read_fields(fields)}
    texts: dict[str, list[str]] = {"text": [], "html": []}
    attachments: list[Data] = []
    for number, (section, part) in enumerate(_leaves(message, "")):
        if number >= PARTS_LIMIT:
            break
        kind = part.get_content_type()
        body = {"text/plain": "text", "text/html": "html"}.get(kind)
        if body and part.get_content_disposition() != "attachment" and not _file_name(part):
            texts[body].append(_text(part))
        else:
            attachments.append(_attachment(section, part))
    for body, found in texts.items():
        data[body] = "\n".join(found)[:TEXT_LIMIT] if found else None
    return data | {"attachments": attachments, "defects": _defects(message)}


def _leaves(part: Part, section: str) -> Iterator[tuple[str, Part]]:
    """Return the parts that hold something, with their section numbers in IMAP (RFC 9051 section 6.4.5.1)."""
    payload = part.get_payload()
    if part.get_content_maintype() != "multipart" or not isinstance(payload, list):
        yield section or "1", part
        return
    for number, child in enumerate(payload, start=1):
        if isinstance(child, Part):
            yield from _leaves(child, f"{section}.{number}" if section else str(number))


def _octets(part: Part) -> bytes:
    """Return what a part holds, its transfer encoding undone."""
    payload = part.get_payload()
    if isinstance(payload, list):  # message/rfc822
        return b"".join(child.as_bytes() for child in payload if isinstance(child, Part))
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _text(part: Part) -> str:
    text = decode_octets(_octets(part), str(part.get_param("charset", "utf-8")))
    return text.replace("\r\n", "\n")


def _attachment(section: str, part: Part) -> Data:
    octets = _octets(part)
    content_id = part.get("content-id")
    return {
        "part": section,
        "fileName": _file_name(part),
        "contentType": part.get_content_type(),
        "disposition": part.get_content_disposition(),
        "contentID": decode_field(str(content_id)).strip(" <>") if content_id else None,
        "size": len(octets),
        "sha256": sha256(octets).hexdigest(),
        "content": b64encode(octets).decode(),
    }


def _file_name(part: Part) -> str | None:
    found = part.get_filename()
    return decode_field(found)[:1024] if found else None


def _read_fields(fields: list[tuple[str, str]]) -> Data:
    data: Data = {key: [] for key in (*ADDRESSES.values(), *IDS.values())}
    data |= {"messageID": None, "subject": None, "date": None}
    addresses_left = ADDRESSES_LIMIT
    for name, raw in fields:
        match name.lower():
            case "subject":
                data["subject"] = data["subject"] or decode_field(raw).strip()
            case "message-id":
                data["messageID"] = data["messageID"] or decode_field(raw).strip()
            case "date":
                data["date"] = data["date"] or _date(raw)
            case key if key in ADDRESSES:
                data[ADDRESSES[key]] += _addresses(raw[:addresses_left])
                addresses_left = max(0, addresses_left - len(raw))
            case key if key in IDS:
                data[IDS[key]] += decode_field(raw).split()
            case _:
                pass
    data["headers"] = [{"name": decode_field(name), "value": decode_field(raw).strip()} for name, raw in fields]
    return data


def _addresses(raw: str) -> list[Data]:
    return [
        {"name": decode_field(name), "address": decode_field(address)}
        for name, address in getaddresses([raw.replace("\r", "").replace("\n", "")])
        if address
    ]


def _date(raw: str) -> str | None:
    try:
        return parsedate_to_datetime(raw.strip()).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _cut(value: object) -> str:
    return str(value)[:FIELD_LIMIT]


def _defects(message: Part) -> list[str]:
    found = {type(defect).__name__ for part in message.walk() for defect in part.defects}
    return sorted(found)


def _unparsed(octets: bytes) -> Data:
    """Return what can be said of a message that is none: its fields as they stand, and the rest as text."""
    head, _, body = octets.partition(b"\r\n\r\n")
    fields: list[tuple[str, str]] = []
    for line in head[:FIELD_LIMIT].decode("ascii", "surrogateescape").split("\r\n")[:FIELDS_LIMIT]:
        name, colon, value = line.partition(":")
        if colon and name and " " not in name:
            fields.append((name, value.strip()))
    data: Data = {"parsed": False}
    try:
        data |= _read_fields(fields)
    except BROKEN:
        data |= _read_fields([])
    text = decode_octets(body[:TEXT_LIMIT], "utf-8")
    return data | {"text": text, "html": None, "attachments": [], "defects": []}
