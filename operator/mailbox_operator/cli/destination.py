"""`--to`: where messages go instead of where the Mailbox says. Pure."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mailbox_operator.fetcher.plan import Delivery, Lmtp, Maildir, Webhook
from mailbox_operator.mail.endpoint import Security

LMTP_PORT: Final = 24


class DestinationError(Exception):
    """`--to` cannot be read: what to write."""


def parse_destination(text: str, *, address: str, folder: Path) -> Delivery:
    """Read `maildir:PATH` (below `folder` if relative), `lmtp:HOST[:PORT][/RECIPIENT]` or a URL. Raises DestinationError.

    The LMTP recipient is `address` unless named; the connection is in the clear, as with every LMTP server near by.
    """
    kind, _, rest = text.partition(":")
    if kind == "maildir" and rest:
        return Maildir(path=str(folder / rest))
    if kind in {"http", "https"}:
        return Webhook(url=text)
    if kind == "lmtp" and rest:
        try:
            parts = urlsplit(f"lmtp://{rest.removeprefix('//')}")
            host, port = parts.hostname, parts.port or LMTP_PORT
        except ValueError as error:
            raise DestinationError(f"--to {text}: {error}") from error
        if host:
            return Lmtp(host=host, port=port, recipient=parts.path.strip("/") or address, security=Security.NONE)
    raise DestinationError(f"--to {text}: write maildir:PATH, lmtp:HOST:PORT or https://HOST/PATH")
