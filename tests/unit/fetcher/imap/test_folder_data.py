"""What servers say of folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.ids import Uid, UidValidity
from mailbox_operator.fetcher.imap.folder_data import (
    FolderStatus,
    parse_esearch,
    parse_status,
)


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
    for parse in (parse_status, parse_esearch):
        parse(b"* STATUS " + line)
        parse(b"* ESEARCH " + line)
