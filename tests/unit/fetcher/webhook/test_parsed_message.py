"""Messages taken apart; the broken ones above all."""

import json
from base64 import b64decode
from email.message import EmailMessage
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.webhook import parsed_message
from mailbox_operator.fetcher.webhook.parsed_message import Data, parse_message

MIXED = (
    b"From: =?utf-8?Q?Ada_L=C3=B6w?= <ada@example.com>\r\n"
    b"To: Support <support@example.com>, bob@example.com\r\n"
    b"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"
    b"Date: Tue, 24 Nov 2026 09:13:07 +0100\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"References: <a@x>\r\n <b@x>\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    b"--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    b"--c\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>Gr=FC=DFe</p>\r\n--c--\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''Rechnung%20%C3%BC.pdf\r\nContent-ID: <p1>\r\n\r\n"
    b"JVBERg==\r\n--b--\r\n"
)


def parsed(octets: bytes) -> Data:
    data = parse_message([octets], size=len(octets))
    json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    return data


def test_a_message_with_text_html_and_an_attachment() -> None:
    data = parsed(MIXED)
    assert data["parsed"]
    assert data["complete"]
    assert data["from"] == [{"name": "Ada Löw", "address": "ada@example.com"}]
    assert [to["address"] for to in data["to"]] == ["support@example.com", "bob@example.com"]
    assert data["subject"] == "Grüße"
    assert data["date"] == "2026-11-24T09:13:07+01:00"
    assert data["messageID"] == "<1@example.com>"
    assert data["references"] == ["<a@x>", "<b@x>"]
    assert data["text"].strip() == "Grüße"
    assert data["html"].strip() == "<p>Grüße</p>"
    [attachment] = data["attachments"]
    assert b64decode(attachment.pop("content")) == b"%PDF"
    assert attachment.pop("sha256") == sha256(b"%PDF").hexdigest()
    assert attachment == {
        "part": "2",
        "fileName": "Rechnung ü.pdf",
        "contentType": "application/pdf",
        "disposition": "attachment",
        "contentID": "p1",
        "size": 4,
    }
    assert {"name": "Content-Type", "value": 'multipart/mixed; boundary="b"'} in data["headers"]


def test_what_the_standard_library_builds_comes_back() -> None:
    message = EmailMessage()
    message["Subject"] = "Прайс"
    message["From"] = "Иван <ivan@example.com>"
    message.set_content("текст\n")
    message.add_alternative("<b>текст</b>", subtype="html")
    message.add_attachment(b"\0\1", maintype="image", subtype="png", filename="ü.png")
    data = parsed(message.as_bytes())
    assert (data["subject"], data["from"][0]["name"], data["text"].strip()) == ("Прайс", "Иван", "текст")
    assert data["attachments"][0]["fileName"] == "ü.png"


def test_a_forwarded_message_is_an_attachment() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello\r\n"
    [attachment] = parsed(octets)["attachments"]
    assert b"Subject: inner" in b64decode(attachment["content"])


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"\0\0\0",
        b"Subject: x\nbare: lf\n\nbody\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n",
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n',
        b"Content-Type: text/plain; charset=no-such\r\n\r\n\xff\xfe\r\n",
        b"Content-Type: text/plain; charset=undefined\r\n\r\nx\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!\r\n",
        b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n#\r\n",
        b"Date: Tue, 99 Nov 99999 99:99:99 +9999\r\n\r\n",
        b"From: (((((((((" + b"(" * 5000 + b"\r\n\r\n",
        b"Subject: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"X: 1\r\n" * 20_000 + b"\r\n",
        b"Content-Type: text/plain; name*0*=x''%; name*1=%\r\n\r\n",
        b"Content-Disposition: attachment; filename*=''%FF\r\nContent-Type: a/b/c\r\n\r\n",
    ],
)
def test_broken_messages_are_handed_over_all_the_same(octets: bytes) -> None:
    assert "headers" in parsed(octets)


def test_a_message_nested_to_hurt_is_not_parsed_and_said_so() -> None:
    octets = b"Subject: deep\r\n"
    for depth in range(300):
        octets += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    data = parsed(octets)
    assert not data["parsed"]
    assert data["subject"] == "deep"


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Type: text/plain" + b";" * (1 << 20) + b"\r\n",
        b"Content-Type: text/plain; " + b'";' * (1 << 19) + b"\r\n",
        (b"To: " + b"@" * 65_000 + b"\r\n") * 200,
    ],
)
def test_no_field_holds_the_loop_however_it_is_made(fields: bytes) -> None:
    data = parsed(b"Subject: long\r\n" + fields + b"\r\nhello")
    assert (data["parsed"], data["subject"], data["text"]) == (True, "long", "hello")


def test_of_a_message_too_large_the_beginning_is_parsed_and_the_cut_part_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parsed_message, "LOOKED_AT", len(MIXED) - 20)
    data = parse_message([MIXED[:100], MIXED[100:]], size=len(MIXED))
    assert not data["complete"]
    assert data["text"].strip() == "Grüße"
    assert data["attachments"][0]["part"] == "2"
    assert data["attachments"][0]["content"] is None


@given(
    st.lists(st.sampled_from([MIXED[:300], MIXED[300:700], MIXED[700:], b"--b\r\n", b"--c--\r\n", b"\r\n", b"\xff"]))
)
def test_pieces_in_any_order_never_fail(parts: list[bytes]) -> None:
    parsed(b"".join(parts))


@given(st.binary(max_size=500))
def test_garbage_never_fails(octets: bytes) -> None:
    parsed(octets)
