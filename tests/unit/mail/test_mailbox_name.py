"""Names of mailboxes, as servers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.mailbox_name import decode_mailbox_name, encode_mailbox_name

KNOWN = [
    ("INBOX", b"INBOX"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 section 5.1.3
    ("Entwürfe", b"Entw&APw-rfe"),
    ("A & B", b"A &- B"),
    ("&", b"&-"),
    ("📬", b"&2D3c7A-"),
]


@pytest.mark.parametrize(("name", "wire"), KNOWN)
def test_known_names(name: str, wire: bytes) -> None:
    assert encode_mailbox_name(name) == wire
    assert decode_mailbox_name(wire) == name


@given(st.text())
def test_a_name_reads_back(name: str) -> None:
    assert decode_mailbox_name(encode_mailbox_name(name)) == name


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("Entwürfe".encode(), "Entwürfe"),  # UTF-8, as servers of RFC 9051 write it
        (b"caf\xe9", r"caf\xe9"),  # Latin-1, from long ago
        (b"A & B", "A & B"),
        (b"&!!!-", "&!!!-"),
        (b"&2D0-", "&2D0-"),  # half of a surrogate pair
        (b"&AAAAA-", "&AAAAA-"),
    ],
)
def test_what_is_no_modified_utf_7_is_a_name_all_the_same(wire: bytes, name: str) -> None:
    assert decode_mailbox_name(wire) == name


@given(st.binary())
def test_whatever_a_server_sends_has_a_name(wire: bytes) -> None:
    decode_mailbox_name(wire).encode("utf-8")
