"""When a server took a message, read from its header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.imap.data import seconds_of_date
from mailbox_operator.fetcher.pop3.arrival_date import arrival_date

TOP = b"Return-Path: <a@b>\r\nReceived: from c (d [192.0.2.1])\r\n\tby e with LMTP\r\n\tid f; Tue, 14 Nov 2023 22:13:20 +0100\r\n"
NEXT = b"Received: from g by h; Mon, 1 Jan 2001 00:00:00 -0800\r\nDate: Sun, 31 Dec 2000 01:00:00 +0000\r\n"


@pytest.mark.parametrize(
    ("header", "date"),
    [
        (TOP + NEXT, b"14-Nov-2023 22:13:20 +0100"),
        (NEXT, b" 1-Jan-2001 00:00:00 -0800"),
        (b"Received: by here\r\nDate: Sun, 3 Dec 2000 01:00 GMT\r\n", b" 3-Dec-2000 01:00:00 +0000"),
        (b"date: 03 dec 2000 01:02:03 +0530\r\n", b" 3-Dec-2000 01:02:03 +0530"),
        (b"X-Date: Sun, 3 Dec 2000 01:00 GMT\r\n", b""),
        (b"Date: yesterday\r\n", b""),
        (b"", b""),
    ],
)
def test_the_topmost_received_goes_before_the_date(header: bytes, date: bytes) -> None:
    assert arrival_date(header + b"\r\nDate: Sun, 3 Dec 2023 01:00:00 +0000\r\n") == date
    assert not date or seconds_of_date(date) is not None


def test_it_is_found_below_long_fields_and_where_the_first_look_ends_within_it() -> None:
    for length in range(1_900, 2_100):
        assert arrival_date(b"X: " + b"y" * length + b"\r\n" + TOP + b"\r\n") == b"14-Nov-2023 22:13:20 +0100"
    assert arrival_date(b"X: " + b"y" * 20_000 + b"\r\n" + NEXT + b"\r\n") == b" 1-Jan-2001 00:00:00 -0800"


@given(st.one_of(st.binary(), st.binary().map(lambda tail: b"Received: ;" + tail)))
def test_any_octets_give_a_date_or_none(octets: bytes) -> None:
    found = arrival_date(octets)
    assert found == b"" or len(found) == 26
