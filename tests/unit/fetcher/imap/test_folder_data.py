"""What servers say of folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.folder_data import (
    FolderStatus,
    mailbox_argument,
    parse_esearch,
    parse_list,
    parse_status,
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


def test_a_status() -> None:
    status = parse_status(b'* STATUS "a b" (UIDNEXT 5 UIDVALIDITY 7 HIGHESTMODSEQ 9 X y)')
    assert status == FolderStatus(b"a b", UidValidity(7), Uid(5), 9)
    assert parse_status(b"* STATUS a ()") == FolderStatus(b"a", None, None, None)
    assert parse_status(b"* LIST () NIL a") is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'* ESEARCH (TAG "m5") UID ALL 2:4,7', [2, 3, 4, 7]),
        (b'* ESEARCH (TAG "m5") UID', []),
        (b'* ESEARCH (TAG "m5") UID ALL 1:4000000000', None),
        (b"* SEARCH 1 2", None),
    ],
)
def test_an_extended_search(line: bytes, found: list[int] | None) -> None:
    assert parse_esearch(line) == found


@given(st.binary(max_size=60))
def test_garbage_is_nothing_and_no_fault(line: bytes) -> None:
    for parse in (parse_list, parse_status, parse_esearch):
        parse(b"* LIST " + line)
        parse(b"* STATUS " + line)
        parse(b"* ESEARCH " + line)


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
