"""What the webhook is sent, read with the reference library for CloudEvents."""

from typing import Any
from urllib.parse import unquote

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.message import Message
from mailbox_operator.fetcher.plan import Identity
from mailbox_operator.fetcher.webhook.cloud_event import EventTemplate, encode_value

BODY = b"Message-ID: <1@x>\r\n\r\nhello\r\n"


DATE = b"17-Jul-1996 02:44:25 -0700"


def head_of(*, message_id: bytes = b"", sender: bytes = b"", folder: str = "INBOX", date: bytes = DATE) -> bytes:
    template = EventTemplate(
        Identity(uid="5d1c", namespace="mail", name="support", address="support@example.com"),
        folder=folder,
        uidvalidity=UidValidity(9),
        target="/hook?x=1",
        host="sink.example.com:8080",
    )
    key = (folder, UidValidity(9), Uid(3))
    message = Message(key, date, seconds_of_date(date), len(BODY), header_only=False, message_id=message_id)
    return template.render_head(message, sender=sender, length=len(BODY))


def parse(head: bytes) -> dict[str, str]:
    lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
    assert lines[0] == "POST /hook?x=1 HTTP/1.1"
    fields = [line.split(": ", 1) for line in lines[1:]]
    assert len({name.lower() for name, _ in fields}) == len(fields)
    return {name.lower(): value for name, value in fields}


def read_with_the_reference(head: bytes) -> Any:
    return from_binary(HTTPMessage(headers=parse(head), body=BODY), JSONFormat(), CloudEvent)


def test_the_reference_library_reads_it() -> None:
    head = head_of(message_id=b"<1@x>", sender=b"a@x")
    event = read_with_the_reference(head)
    attributes = event.get_attributes()
    assert event.get_id() == "5d1c/INBOX/9/3"
    assert event.get_source() == "/namespaces/mail/mailboxes/support"
    assert event.get_type() == "io.mailbox-operator.message.received.v1"
    assert event.get_specversion() == "1.0"
    assert event.get_subject() == "INBOX"
    assert event.get_datacontenttype() == "message/rfc822"
    assert event.get_time().isoformat() == "1996-07-17T02:44:25-07:00"
    assert attributes["messageid"] == "<1@x>"
    assert attributes["from"] == "a@x"
    assert attributes["mailbox"] == "support@example.com"
    assert attributes["size"] == str(len(BODY))
    fields = parse(head)
    assert fields["content-length"] == str(len(BODY))
    assert fields["host"] == "sink.example.com:8080"


def test_without_a_date_there_is_no_time() -> None:
    assert "ce-time" not in parse(head_of(date=b"nonsense"))


@pytest.mark.parametrize("folder", ["Entwürfe/Läufe", "a/b", '100% "quoted"', "日本"])
def test_a_folders_name_survives(folder: str) -> None:
    event = read_with_the_reference(head_of(folder=folder))
    assert event.get_subject() == folder
    assert event.get_id().count("/") == 3


@given(st.binary(max_size=50))
def test_any_octets_become_a_header_value(octets: bytes) -> None:
    encoded = encode_value(octets)
    assert all(0x21 <= octet <= 0x7E and octet != ord('"') for octet in encoded)
    assert unquote(encoded.decode(), errors="surrogateescape").encode(errors="surrogateescape") == octets


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_message_can_add_a_header_line(message_id: bytes, sender: bytes) -> None:
    plain = head_of(message_id=b"<1@x>", sender=b"a@x")
    head = head_of(message_id=message_id, sender=sender)
    lines = {line.split(b":")[0] for line in head.split(b"\r\n")}
    assert lines <= {line.split(b":")[0] for line in plain.split(b"\r\n")}


def test_an_id_that_never_means_another_message_stands_without_uidvalidity() -> None:
    template = EventTemplate(
        Identity(uid="5d1c", namespace="mail", name="support", address="support@example.com"),
        folder="INBOX",
        uidvalidity=None,
        target="/hook?x=1",
        host="sink.example.com",
    )
    message = Message(("INBOX", None, "AA/b c"), b"", None, 1, header_only=False, message_id=b"")
    head = template.render_head(message, sender=b"", length=1)
    assert read_with_the_reference(head).get_id() == "5d1c/INBOX/AA%2Fb%20c"
