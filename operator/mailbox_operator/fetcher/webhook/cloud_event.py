"""One message as a CloudEvent 1.0 in binary mode over HTTP: the head of its POST.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import re
from typing import Final
from urllib.parse import quote_from_bytes

from mailbox_operator.fetcher.delivery_id import encode_id, encode_part
from mailbox_operator.fetcher.ids import UidValidity
from mailbox_operator.fetcher.imap.data import MONTHS
from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.plan import Identity

EVENT_TYPE: Final = "io.mailbox-operator.message.received.v1"
# Section 3.1.3.2 of the binding: all but printable ASCII, and of that space, double-quote and percent, is encoded.
PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
NEEDS_ENCODING: Final = re.compile(rb"[^\x21-\x7e]|[\"%]")


def encode_value(value: bytes) -> bytes:
    """Percent-encode an attribute's octets (UTF-8) for its header."""
    return quote_from_bytes(value, PLAIN).encode() if NEEDS_ENCODING.search(value) else value


def render_head(*, target: str, host: str, content_type: bytes) -> bytes:
    """Return how each POST begins; a length and an empty line are still to come."""
    return b"POST %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: mailbox-operator\r\nContent-Type: %b\r\n" % (
        target.encode("ascii"),
        host.encode("ascii"),
        content_type,
    )


class EventTemplate:
    """What all events of one folder have in common; `render_head` adds what is a message's own."""

    def __init__(
        self, mailbox: Identity, *, folder: str, uidvalidity: UidValidity | None, target: str, host: str
    ) -> None:
        folder_key = encode_value(encode_part(folder))
        self._id = b"%b/%b/" % (encode_value(mailbox.uid.encode()), folder_key)
        if uidvalidity is not None:
            self._id += b"%d/" % uidvalidity
        source = f"/namespaces/{mailbox.namespace}/mailboxes/{mailbox.name}"
        self._common = b"".join(
            (
                render_head(target=target, host=host, content_type=b"message/rfc822"),
                b"ce-specversion: 1.0\r\n",
                b"ce-type: %b\r\n" % EVENT_TYPE.encode(),
                b"ce-source: %b\r\n" % encode_value(source.encode()),
                b"ce-subject: %b\r\n" % encode_value(folder.encode()),
                b"ce-mailbox: %b\r\n" % encode_value(mailbox.address.encode()),
            )
        )

    def render_head(self, message: Message, *, sender: bytes, length: int) -> bytes:
        """Write the head of the POST that carries `length` octets of a message from `sender`."""
        message_id = message.message_id
        parts = [
            self._common,
            b"Content-Length: %d\r\nce-id: %b%b\r\nce-size: %d\r\n"
            % (length, self._id, encode_value(encode_id(message.id)), message.size),
        ]
        if time := rfc3339_of_date(message.internaldate):
            parts.append(b"ce-time: %b\r\n" % time)
        if message_id:
            parts.append(b"ce-messageid: %b\r\n" % encode_value(message_id))
        if sender:
            parts.append(b"ce-from: %b\r\n" % encode_value(sender))
        if message.header_only:
            parts.append(b"ce-headeronly: true\r\n")
        if message.may_repeat:
            parts.append(b"ce-mayrepeat: true\r\n")
        parts.append(b"\r\n")
        return b"".join(parts)


DATE: Final = re.compile(rb"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)")


def rfc3339_of_date(internaldate: bytes) -> bytes:
    """Turn `17-Jul-1996 02:44:25 -0700` into `1996-07-17T02:44:25-07:00`, or into b"" if it is no such date."""
    found = DATE.fullmatch(internaldate)
    month = MONTHS.get(found[2].title()) if found else None
    if not found or not month:
        return b""
    return b"%b-%02d-%02dT%b%b:%b" % (found[3], month, int(found[1]), found[4], found[5], found[6])
