"""The test message itself."""

from email import message_from_bytes
from email.policy import default

import pytest

from mailbox_operator.verification.loop import HEADER, TOKEN, render_message


def test_the_message_is_one_that_nobody_answers_and_fetchers_pass_by() -> None:
    token = "0123456789abcdef" * 2
    message = message_from_bytes(render_message("support@example.com", token=token).as_bytes(), policy=default)
    assert message["From"] == message["To"] == "support@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message[HEADER] == token
    assert TOKEN.fullmatch(message[HEADER])
    assert token in message["Subject"]
    assert message["Message-ID"].endswith("@example.com>")
    assert message["Date"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Support Desk", "Support Desk"),
        ("Büro, Köln", "Büro, Köln"),
        ("a\r\nBcc: b@example.org", "a Bcc: b@example.org"),
    ],
)
def test_its_sender_has_the_display_name(name: str, shown: str) -> None:
    octets = render_message("support@example.com", token="f" * 32, display_name=name).as_bytes()
    message = message_from_bytes(octets, policy=default)
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (shown, "support@example.com")
    assert message["Bcc"] is None
