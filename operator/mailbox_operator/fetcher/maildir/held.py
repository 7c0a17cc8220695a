"""A message on its way into a Maildir."""

from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.spool import Spool


class Held:
    """A message that is not durable yet."""

    __slots__ = ("length", "message", "middle", "name", "octets", "since", "spool")

    def __init__(  # noqa: PLR0913 - a message's own
        self, message: Message, middle: str, octets: bytes, spool: Spool | None, *, length: int, since: float
    ) -> None:
        self.message = message
        self.middle = middle
        self.name = ""
        self.octets = octets
        """With LF; empty where the message is in `spool`."""
        self.spool = spool
        self.length = length
        """Octets as the server gave it."""
        self.since = since
