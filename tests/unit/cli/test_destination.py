"""`--to`."""

from pathlib import Path

import pytest

from mailbox_operator.cli.destination import DestinationError, parse_destination
from mailbox_operator.fetcher.plan import Delivery, Lmtp, Maildir, Webhook
from mailbox_operator.mail.endpoint import Security


def lmtp(host: str, port: int, recipient: str = "a@x.test") -> Lmtp:
    return Lmtp(host=host, port=port, recipient=recipient, security=Security.NONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("maildir:mail", Maildir(path="/here/mail")),
        ("maildir:/var/mail/x", Maildir(path="/var/mail/x")),
        ("https://desk.test/mail?team=1", Webhook(url="https://desk.test/mail?team=1")),
        ("http://127.0.0.1:8080/", Webhook(url="http://127.0.0.1:8080/")),
        ("lmtp:127.0.0.1", lmtp("127.0.0.1", 24)),
        ("lmtp:mx.test:2424", lmtp("mx.test", 2424)),
        ("lmtp://[::1]:2424/b@x.test", lmtp("::1", 2424, "b@x.test")),
    ],
)
def test_it_is_read(text: str, expected: Delivery) -> None:
    assert parse_destination(text, address="a@x.test", folder=Path("/here")) == expected


@pytest.mark.parametrize("text", ["", "mail", "maildir:", "lmtp:", "lmtp:host:port", "ftp://x", "file:x"])
def test_what_it_cannot_be_is_told(text: str) -> None:
    with pytest.raises(DestinationError, match="--to"):
        parse_destination(text, address="a@x.test", folder=Path("/here"))
