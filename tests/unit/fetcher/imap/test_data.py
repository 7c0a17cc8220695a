"""IMAP responses as values."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.data import (
    Listed,
    parse_fetched,
    parse_listed,
    parse_quoted_body,
    render_date,
    seconds_of_date,
)
from mailbox_operator.fetcher.message import Arrival
from mailbox_operator.fetcher.webhook.cloud_event import rfc3339_of_date

DATE = b"17-Jul-1996 02:44:25 -0700"


@pytest.mark.parametrize(
    ("text", "fetched"),
    [
        (
            b'* 12 FETCH (UID 7 FLAGS (\\Seen $X) INTERNALDATE "%b" RFC822.SIZE 44 BODY[] {44}' % DATE,
            Arrival(Uid(7), DATE, 44, header_only=False, seen=True),
        ),
        (
            b'* 12 FETCH (UID 7 FLAGS () INTERNALDATE "%b" RFC822.SIZE 44 BODY[HEADER] {4}' % DATE,
            Arrival(Uid(7), DATE, 44, header_only=True, seen=False),
        ),
        (b"* 1 FETCH (RFC822.SIZE 3 uid 9 BODY[] {3}", Arrival(Uid(9), b"", 3, header_only=False, seen=False)),
        (b"* 1 FETCH (UID 9 BODY[] ~{3}", Arrival(Uid(9), b"", 0, header_only=False, seen=False)),
        (b"* 1 FETCH (BODY[] NIL UID 9)", Arrival(Uid(9), b"", 0, header_only=False, seen=False)),
        (b"* 1 FETCH (UID 9 FLAGS (\\seen) BODY[] {3}", Arrival(Uid(9), b"", 0, header_only=False, seen=True)),
        (b"* 1 FETCH (BODY[] {3}", None),
        (b"* 1 FETCH (UID 9 ENVELOPE {3}", None),
    ],
)
def test_a_fetch_response_in_any_order(text: bytes, fetched: Arrival | None) -> None:
    assert parse_fetched(text) == fetched


def test_a_body_may_be_quoted() -> None:
    assert parse_quoted_body(b'* 1 FETCH (UID 9 BODY[] "a \\"b\\" \\\\ c")') == b'a "b" \\ c'
    assert parse_quoted_body(b"* 1 FETCH (UID 9 BODY[] NIL)") == b""
    assert parse_quoted_body(b"* 1 FETCH (UID 9)") is None


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        (b'* 1 FETCH (UID 5 INTERNALDATE "%b" RFC822.SIZE 10)' % DATE, [Listed(Uid(5), 10, DATE)]),
        (b"* 1 FETCH (RFC822.SIZE 10 UID 5)", [Listed(Uid(5), 10, b"")]),
        (b"* 1 FETCH (UID 5 FLAGS (\\Seen))", []),
        (b"* SEARCH 1 2", []),
        (
            b'* 1 FETCH (UID 5 INTERNALDATE "%b" RFC822.SIZE 10)\r\n'
            b'* 2 FETCH (UID 6 INTERNALDATE "%b" RFC822.SIZE 11)\r\n' % (DATE, DATE),
            [Listed(Uid(5), 10, DATE), Listed(Uid(6), 11, DATE)],
        ),
    ],
)
def test_a_listing(line: bytes, listed: list[Listed]) -> None:
    assert parse_listed(line) == listed


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001


@given(moments)
def test_dates_mean_the_same_everywhere(when: datetime) -> None:
    when = when.replace(microsecond=0)
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][when.month - 1]
    internaldate = when.strftime(f"%d-{month}-%Y %H:%M:%S %z").encode()
    assert seconds_of_date(internaldate) == int(when.timestamp())
    assert datetime.fromisoformat(rfc3339_of_date(internaldate).decode()) == when
    assert rfc3339_of_date(internaldate).decode() == when.isoformat()


@given(st.binary(max_size=30))
def test_no_date_is_none(octets: bytes) -> None:
    assert seconds_of_date(octets) is None or rfc3339_of_date(octets)


def test_a_one_digit_day_may_be_padded_with_a_space() -> None:
    assert seconds_of_date(b" 1-Feb-2026 00:00:00 +0000") == datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    assert rfc3339_of_date(b" 1-Feb-2026 00:00:00 +0000") == b"2026-02-01T00:00:00+00:00"
    assert seconds_of_date(b"31-Feb-2026 00:00:00 +0000") is None


def test_search_takes_days() -> None:
    assert render_date(datetime(2026, 11, 24, 23, 59, tzinfo=UTC).timestamp()) == b"24-Nov-2026"
