"""What servers say of folders and of messages that were searched for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.mail.imap.data import (
    HeaderField,
    mailbox_argument,
    parse_header_field,
    parse_list,
    parse_search,
    parse_uidvalidity,
    render_list,
)


@pytest.mark.parametrize(
    ("line", "name", "wire", "delimiter"),
    [
        (rb'* LIST (\HasNoChildren \Junk) "/" Spam', "Spam", b"Spam", "/"),
        (rb'* LIST () "\\" "a\\b"', r"a\b", rb"a\b", "\\"),
        (b'* LIST () NIL "INBOX"', "INBOX", b"INBOX", ""),
        (b'* list () "." "Entw&APw-rfe" ("CHILDINFO" ("SUBSCRIBED"))', "Entwürfe", b"Entw&APw-rfe", "."),
        (b'* LIST () "/" "\xff\xfe"', r"\xff\xfe", b"\xff\xfe", "/"),
    ],
)
def test_a_folder(line: bytes, name: str, wire: bytes, delimiter: str) -> None:
    found = parse_list(line)
    assert found
    assert (found.name, found.wire, found.delimiter) == (name, wire, delimiter)


def test_its_attributes_have_no_case() -> None:
    found = parse_list(rb'* LIST (\NoSelect \Sent) "/" a')
    assert found
    assert (found.attributes, found.opens) == (frozenset({"\\NOSELECT", "\\SENT"}), False)


def test_special_uses_are_asked_for_where_they_are_told() -> None:
    assert render_list({"LIST-EXTENDED", "SPECIAL-USE", "ID"}) == b'LIST "" "*" RETURN (SPECIAL-USE)'
    assert render_list({"SPECIAL-USE"}) == b'LIST "" "*"'


def test_a_search() -> None:
    assert parse_search(b"* SEARCH 2 3 5") == [2, 3, 5]
    assert parse_search(b"* SEARCH") == []
    assert parse_search(b"* 3 EXISTS") is None
    assert parse_search(b"* SEARCH x") is None
    assert parse_search(b"* SEARCH " + b"9" * 5000) is None


def test_a_uidvalidity() -> None:
    assert parse_uidvalidity([b"* 3 EXISTS", b"* OK [uidvalidity 7] x"]) == 7
    assert parse_uidvalidity([b"* OK [UIDVALIDITY x] x"]) is None


WHEN = b'INTERNALDATE "17-Jul-2026 02:44:25 -0700"'
RECEIVED = datetime(2026, 7, 17, 9, 44, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'* 1 FETCH (UID 7 %b BODY[HEADER.FIELDS (X-A)] "X-A: 1\r\n\r\n")' % WHEN, HeaderField(7, "1", RECEIVED)),
        (b'* 1 FETCH (BODY[HEADER.FIELDS ("X-A")] "X-A: a\\"b\r\n c" UID 7)', HeaderField(7, 'a"b c', None)),
        (b"* 1 FETCH (UID 7 BODY[HEADER.FIELDS (X-A)] NIL)", HeaderField(7, "", None)),
        (b'* 1 FETCH (BODY[HEADER.FIELDS (X-A)] "X-A: ( UID 9 " UID 7)', HeaderField(7, "( UID 9", None)),
        (b'* 1 FETCH (BODY[HEADER.FIELDS (X-A)] "X-A: 1")', None),
        (b"* 1 FETCH (UID 7)", None),
    ],
)
def test_a_field_of_a_header(line: bytes, field: HeaderField | None) -> None:
    assert parse_header_field(line) == field


@given(st.binary(max_size=60))
def test_garbage_is_nothing_and_no_fault(line: bytes) -> None:
    parse_list(b"* LIST " + line)
    parse_search(b"* SEARCH " + line)
    parse_header_field(b"* 1 FETCH (UID 1 BODY[X] " + line)
    parse_header_field(b'* 1 FETCH (UID 1 INTERNALDATE "' + line + b'" BODY[X] NIL')


@given(st.binary(max_size=60), st.booleans())
def test_a_name_cannot_smuggle_a_command(wire: bytes, literals: bool) -> None:  # noqa: FBT001
    written = mailbox_argument(wire, literals=literals)
    if written.startswith(b"{"):
        head, _, rest = written.partition(b"\r\n")
        assert head == b"{%d+}" % len(rest)
        assert rest == wire
    else:
        assert b"\r" not in written
        assert b"\n" not in written
        assert written[:1] == written[-1:] == b'"'
