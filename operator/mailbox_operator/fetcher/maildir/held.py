"""A message on its way into a Maildir."""

from time import time

from mailbox_operator.fetcher.maildir.folder import MaildirFolder
from mailbox_operator.fetcher.maildir.name import render_name
from mailbox_operator.fetcher.maildir.text import pieces_with_lf, to_lf
from mailbox_operator.fetcher.message import Body, Message
from mailbox_operator.fetcher.spool import Spool


class Held:
    """A message that is not durable yet."""

    __slots__ = ("length", "message", "middle", "name", "octets", "since", "spool")

    def __init__(self, message: Message, middle: str, body: Body, *, since: float) -> None:
        self.message = message
        self.middle = middle
        self.name = ""
        """Of its file, once that is written."""
        self.since = since
        if isinstance(body, Spool):
            self.spool: Spool | None = body
            self.octets = b""
            self.length = body.size
            return
        self.spool = None
        self.octets = to_lf(bytes(body))
        """With LF; empty where the message is in `spool`."""
        self.length = len(body)
        """Octets as the server gave it."""

    def write(self, folder: MaildirFolder) -> None:
        """Write its file, which is not durable yet. Raises OSError."""
        arrived, size = self.message.arrived, len(self.octets)
        if self.spool:
            size = folder.write_pieces(self.middle, pieces_with_lf(self.spool), seconds=arrived)
        else:
            folder.write(self.middle, self.octets, seconds=arrived)
        seconds = int(time()) if arrived is None else arrived
        self.name = render_name(self.middle, seconds=seconds, size=size, wire_size=self.length)
