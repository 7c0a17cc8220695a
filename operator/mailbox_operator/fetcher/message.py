"""A message on its way from a source to a sink."""

from typing import NamedTuple

from mailbox_operator.fetcher.headers import LOOKED_AT
from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.spool import Spool

MessageKey = tuple[str, UidValidity | None, MessageId]
"""Folder, UIDVALIDITY where ids depend on one, id: the same message, the same key, for ever."""
Body = bytes | memoryview | Spool
"""A message's octets. A view is good during the call that hands it over, a spool until the message is settled."""


class Arrival(NamedTuple):
    """What a source says of a message besides its octets."""

    id: MessageId
    internaldate: bytes
    """When the server took it, as IMAP writes a date-time (RFC 9051 section 9), or b""."""
    size: int
    """Octets of the whole message; 0: the server did not say."""
    header_only: bool
    """Whether only its header was fetched, since the message is larger than is wanted."""
    seen: bool = False
    """Whether it is marked as seen on the server."""


class Message(NamedTuple):
    """What is known of one message, whose octets are elsewhere; per message, so no dataclass."""

    key: MessageKey
    internaldate: bytes
    """As in Arrival."""
    arrived: int | None
    """The same in seconds since the epoch. None: it is no date."""
    size: int
    """Octets of the whole message, also where only its header is here."""
    header_only: bool
    message_id: bytes
    """Of its header, with angle brackets, or b""."""
    may_repeat: bool = False
    """Whether it may have been handed over before, and the memory of it was lost."""

    @property
    def folder(self) -> str:
        """Return where it was found."""
        return self.key[0]

    @property
    def uidvalidity(self) -> UidValidity | None:
        """Return what the id holds for, where it depends on that."""
        return self.key[1]

    @property
    def id(self) -> MessageId:
        """Return what its source names it by within the folder."""
        return self.key[2]


Parcel = tuple[Message, Body]


def start_of(body: Body) -> bytes | memoryview:
    """Return at least as much of a message's start as is looked at to read its header."""
    return body.read(0, limit=LOOKED_AT) if isinstance(body, Spool) else body
