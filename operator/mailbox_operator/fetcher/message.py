"""A message on its way from a source to a sink."""

from typing import Final, NamedTuple

from mailbox_operator.fetcher.headers import Headers
from mailbox_operator.fetcher.ids import MessageId, UidValidity
from mailbox_operator.fetcher.spool import Spool

MessageKey = tuple[str, UidValidity | None, MessageId]
"""Folder, UIDVALIDITY where ids depend on one, id: the same message, the same key, for ever."""

NOTHING: Final = memoryview(b"")


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
    """One message; per message, so no dataclass."""

    folder: str
    uidvalidity: UidValidity | None
    id: MessageId
    internaldate: bytes
    """As in Arrival."""
    size: int
    """Octets of the whole message, also where only its header is here."""
    header_only: bool
    headers: Headers
    body: memoryview | Spool
    """A view is good during the call that hands it over, a spool until it is settled."""
    may_repeat: bool = False
    """Whether it may have been handed over before, and the memory of it was lost."""

    def without_body(self) -> "Message":
        """Return it for keeping, when its octets are kept elsewhere: 0.5 µs, where `_replace` takes 1.4."""
        folder, uidvalidity, message_id, internaldate, size, header_only, headers, _, may_repeat = self
        return Message(folder, uidvalidity, message_id, internaldate, size, header_only, headers, NOTHING, may_repeat)

    @property
    def key(self) -> MessageKey:
        """Return what names it."""
        return self.folder, self.uidvalidity, self.id
