"""A message as a JSON document, read by the reference library of CloudEvents."""

import json
from datetime import datetime

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.plan import Identity
from mailbox_operator.fetcher.webhook.parsed_event import render_event

OCTETS = "From: Ada <ada@example.com>\r\nMessage-ID: <1@x>\r\nSubject: Grüße\r\n\r\nhello\r\n".encode()
MAILBOX = Identity(uid="5d1c", namespace="team-a", name="support", address="support@example.com")


def event_of(message: Message) -> dict[str, object]:
    octets = render_event(
        message, mailbox=MAILBOX, delivery_id=b"5d1c/INBOX/7/1", sender=b"ada@example.com", pieces=(OCTETS,)
    )
    event = JSONFormat().read(CloudEvent, octets)
    return {**event.get_attributes(), "data": event.get_data()}


def test_the_reference_library_reads_it() -> None:
    date = b"24-Nov-2026 09:13:07 +0100"
    key = ("INBOX", UidValidity(7), Uid(1))
    message = Message(key, date, seconds_of_date(date), len(OCTETS), header_only=False, message_id=b"<1@x>")
    event = event_of(message)
    data = event.pop("data")
    assert isinstance(data, dict)
    assert (data["subject"], data["text"], data["parsed"]) == ("Grüße", "hello\n", True)
    assert event == {
        "specversion": "1.0",
        "id": "5d1c/INBOX/7/1",
        "type": "io.mailbox-operator.message.received.v1",
        "source": "/namespaces/team-a/mailboxes/support",
        "subject": "INBOX",
        "time": datetime.fromisoformat("2026-11-24T09:13:07+01:00"),
        "datacontenttype": "application/json",
        "mailbox": "support@example.com",
        "messageid": "<1@x>",
        "from": "ada@example.com",
        "size": len(OCTETS),
    }


def test_only_a_header_says_so_and_what_is_not_known_is_left_out() -> None:
    message = Message(("INBOX", None, "id"), b"", None, 9999, header_only=True, message_id=b"")
    octets = render_event(message, mailbox=MAILBOX, delivery_id=b"5d1c/INBOX/id", sender=b"", pieces=(OCTETS,))
    event = json.loads(octets)
    assert event["headeronly"] is True
    assert "time" not in event
    assert event["data"]["complete"] is False
