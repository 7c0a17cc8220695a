"""A message on its way into a Maildir."""

from mailbox_operator.fetcher.maildir.text import to_lf
from mailbox_operator.fetcher.message import Body, Message
from mailbox_operator.fetcher.spool import Spool


class Held:
    """A message that is not durable yet."""

    __slots__ = ("length", "message", "middle", "name", "octets", "since", "spool")

    def __init__(self, message: Message, middle: str, body: Body, *, since: float) -> None:
        self.message = message
        self.middle = middle
        self.name = ""
        self.spool = body if isinstance(body, Spool) else None
        self.octets = b"" if isinstance(body, Spool) else to_lf(bytes(body))
        """With LF; empty where the message is in `spool`."""
        self.length = body.size if isinstance(body, Spool) else len(body)
        """Octets as the server gave it."""
        self.since = since
