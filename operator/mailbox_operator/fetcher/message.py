"""A message on its way from a source to a sink, and what a sink reports of it: the seams of the fetcher."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mailbox_operator.fetcher.headers import Headers
from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.spool import Spool

MessageKey = tuple[str, UidValidity, Uid]
"""Folder, UIDVALIDITY, UID: the same message, the same key, for ever (RFC 9051 section 2.3.1.1)."""


class Message(NamedTuple):
    """One message; per message, so no dataclass."""

    folder: str
    uidvalidity: UidValidity
    uid: Uid
    internaldate: bytes
    """As IMAP writes it, or b""."""
    size: int
    """Octets of the whole message, also where only its header is here."""
    header_only: bool
    headers: Headers
    body: memoryview | Spool
    """A view is good during the call that hands it over, a spool until it is settled."""

    @property
    def key(self) -> MessageKey:
        """Return what names it."""
        return self.folder, self.uidvalidity, self.uid


class SinkListener(Protocol):
    """Told what became of each message that a sink took, once a message, never from within `offer`."""

    def delivered(self, message: Message) -> None:
        """The receiver has it."""

    def count_refusal(self, message: Message) -> int:
        """The receiver does not want it; return how often it said so by now."""

    def given_up(self, message: Message, said: str) -> None:
        """It is not tried again."""

    def pressure(self, *, full: bool) -> None:
        """The sink holds as much as it may, or has room again."""


class Sink(Protocol):
    """Where messages go."""

    def offer(self, message: Message) -> None:
        """Take a message; a view's octets are copied before this returns."""

    def held(self, folder: str, uidvalidity: UidValidity) -> list[Uid]:
        """Return the UIDs of a folder's messages that are not settled."""

    def health(self, *, now: float) -> "SinkHealth":
        """Say how it goes; `now` is on the loop's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkHealth:
    """How delivery goes."""

    held: int
    """Messages taken and not settled."""
    gone: bool = False
    """The receiver wants no message any more."""
    failing: bool = False
    """Nothing was accepted for too long, or it needs a person's hand."""
    reason: str = ""
    said: str = ""
