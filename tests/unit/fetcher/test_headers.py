"""The header fields that delivery looks at."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.headers import LOOKED_AT, _read_any, _read_usual, read_headers, read_sender


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"From: a@example.com", b"a@example.com"),
        (b'From: "Ada, L." <a@example.com>', b"a@example.com"),
        (b'From: "<evil@x>" <a@example.com>', b"a@example.com"),
        (b'From: "\\"<evil@x>" <a@example.com>', b"a@example.com"),
        (b"FROM:\t=?utf-8?B?w6k=?=\r\n <a@example.com>", b"a@example.com"),
        (b"From: a@example.com, b@example.com", b"a@example.com"),
        (b"Subject: y\r\nFrom: a@example.com\r\nFrom: <b@example.com>", b"a@example.com"),
        (b'Subject: y\r\nFrom: "Ada, L."\t<a@example.com>\r\nTo: <b@example.com>', b"a@example.com"),
        (b"Subject: y\r\nFrom: Ada <a@example.com>\r\n and others", b"a@example.com"),
        (b'From: "Ada \\', b""),
        (b'From: "Ada <a@example.com>', b""),
        (b'From: Ada "the" \t<a@example.com>', b"a@example.com"),
        (b"From: nobody", b""),
        (b"From:", b""),
        (b"Subject: From: x@y", b""),
    ],
)
def test_the_sender_is_the_first_address(header: bytes, sender: bytes) -> None:
    assert read_sender(header + b"\r\n\r\nFrom: body@x\r\n") == sender


@pytest.mark.parametrize(
    ("header", "message_id"),
    [
        (b"Message-ID: <1@x>", b"<1@x>"),
        (b"MESSAGE-id:<1@x>", b"<1@x>"),
        (b"Message-ID:\r\n <1@x>\r\nX: y", b"<1@x>"),
        (b"Subject: y\r\nMessage-Id: <1@x> ", b"<1@x>"),
        (b"References: <1@x>", b""),
        (b"Message-ID: <1@x>\r\nMessage-ID: <2@x>", b"<1@x>"),
        (b"Message-ID:  <1@x>\r\nMessage-ID: <2@x>", b"<1@x>"),
        (b"Message-ID: <1@x>\r\n\t(odd)", b"<1@x>(odd)"),
        (b"Subject: y\r\nMessage-ID: <1@x>\r\n\t(odd)\r\nMessage-ID: <2@x>", b"<1@x>(odd)"),
        (b"Subject: y\r\nmessage-Id: <1@x>\r\nMessage-ID: <2@x>", b"<1@x>"),
        (b"Subject: y\nMessage-ID: <1@x>", b""),
        (b"Message-ID: <1 @x>", b"<1@x>"),
        (b"Message-ID: <" + b"x" * 2000, b"<" + b"x" * 997),
    ],
)
def test_the_message_id(header: bytes, message_id: bytes) -> None:
    assert read_headers(header + b"\r\n\r\nMessage-ID: <body@x>\r\n").message_id == message_id


def test_a_test_message_is_known_by_its_header_only() -> None:
    assert read_headers(b"x-mailbox-operator-TEST: 1\r\n\r\n").is_test
    assert read_headers(b"Subject: 1\r\nMessage-ID: <1@x>\r\nX-Mailbox-Operator-Test: 1\r\n\r\n").is_test
    assert not read_headers(b"Subject: 1\r\n\r\nX-Mailbox-Operator-Test: 1\r\n").is_test
    assert not read_headers(b"Subject: X-Mailbox-Operator-Test: 1\r\n\r\n").is_test


def test_a_long_header_is_looked_through() -> None:
    assert read_headers(b"X: y\r\n" * 5_000 + b"Message-ID: <1@x>\r\n\r\n").message_id == b"<1@x>"
    assert read_headers(b"X: y\r\n" * LOOKED_AT + b"Message-ID: <1@x>\r\n\r\n").message_id == b""


@given(
    st.lists(
        st.sampled_from(
            [b"\r\n", b"\n", b"Message-ID:", b"message-id: ", b"<1@x>", b" ", b"x", b"M", b"X-Mailbox-Operator-Test:"]
        )
    )
)
def test_the_quick_way_reads_what_the_thorough_one_does(pieces: list[bytes]) -> None:
    octets = b"Subject: y" + b"".join(pieces)
    assert _read_usual(memoryview(octets)) in {None, _read_any(octets)}


@given(st.binary(max_size=300))
def test_anything_can_be_read(octets: bytes) -> None:
    assert b"\n" not in read_headers(octets).message_id
    assert b"\n" not in read_sender(octets).replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "value",
    [b"a" + b" " * (1 << 20) + b"b", b'"' + b'\\"' * (1 << 19), b'"a' * (1 << 19), b'"' + b"\\\n" * (1 << 19) + b"\\"],
)
def test_no_sender_holds_the_loop_however_long_the_field_is(value: bytes) -> None:
    assert read_sender(b"From: " + value + b"\r\n\r\n") == b""


names = st.sampled_from(["Message-ID", "From", "Subject", "X-Other"])
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)


@given(st.lists(st.tuples(names, values), max_size=6, unique_by=lambda field: field[0]))
def test_the_message_id_is_what_the_standard_library_finds(fields: list[tuple[str, str]]) -> None:
    octets = "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + b"\r\n"
    expected = email.message_from_bytes(octets, policy=email.policy.compat32).get("Message-ID", "")
    assert read_headers(octets).message_id == expected.encode()
