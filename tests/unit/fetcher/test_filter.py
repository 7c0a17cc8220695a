"""Which messages pass: names of headers have no case, values have; what the server searches for is never less."""

import pytest

from mailbox_operator.fetcher.filter import Filter
from mailbox_operator.fetcher.imap.criteria import render_criteria, render_since
from mailbox_operator.fetcher.plan import Fetch, HeaderMatch

MESSAGE = (
    b"From: Ada <Ada@Example.com>\r\nX-Tag: one\r\nx-tag: Two  words\r\nX-Folded: a\r\n\tb\r\n"
    b"X-Word: =?utf-8?q?gr=C3=BCn?=\r\nX-Broken: =?nonsense?q?x?=\r\nX-Latin: gr\xfcn\r\nX-Empty:\r\n\r\nX-Body: no\r\n"
)


def passes(fetch: Fetch, *, seen: bool = False) -> bool:
    return Filter(fetch).passes(MESSAGE, seen=seen)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x-TAG", None, True),
        ("X-Tag", "one", True),
        ("X-Tag", "Two  words", True),
        ("X-Tag", "two  words", False),
        ("X-Tag", "on", False),
        ("X-Folded", "a b", True),
        ("X-Word", "grün", True),
        ("X-Latin", "grün", True),
        ("X-Broken", "=?nonsense?q?x?=", True),
        ("X-Empty", None, True),
        ("X-Empty", "", True),
        ("X-Body", None, False),
        ("Tag", None, False),
    ],
)
def test_headers(name: str, value: str | None, expected: bool) -> None:  # noqa: FBT001
    assert passes(Fetch(headers=(HeaderMatch(name=name, value=value),))) is expected


def test_no_field_holds_the_loop_however_many_words_it_begins() -> None:
    fetch = Fetch(headers=(HeaderMatch(name="Subject", value="x"),))
    for count in (10_000, 300_000):
        assert not Filter(fetch).passes(b"Subject: " + b"=?a?q?" * count + b"\r\n\r\n", seen=False)


def test_senders_have_no_case_and_are_whole_addresses() -> None:
    assert passes(Fetch(senders=("bob@example.com", "ADA@example.com")))
    assert not passes(Fetch(senders=("da@example.com",)))


def test_unseen_only() -> None:
    assert passes(Fetch(unseen_only=True))
    assert not passes(Fetch(unseen_only=True), seen=True)
    assert passes(Fetch(), seen=True)


@pytest.mark.parametrize(
    ("fetch", "criteria"),
    [
        (Fetch(), b""),
        (Fetch(unseen_only=True), b"UNSEEN"),
        (Fetch(headers=(HeaderMatch(name="X-A", value='say "\\"'),)), b'HEADER "X-A" "say \\"\\\\\\""'),
        (Fetch(headers=(HeaderMatch(name="X-A"), HeaderMatch(name="X-B", value="ü"))), b'HEADER "X-A" ""'),
        (Fetch(headers=(HeaderMatch(name="X-A", value="1\r\nm9 LOGOUT"),)), b""),
        (Fetch(senders=("a@x",)), b'FROM "a@x"'),
        (Fetch(senders=("a@x", "b@x", "c@x")), b'OR FROM "c@x" OR FROM "b@x" FROM "a@x"'),
        (Fetch(senders=("a@x", "ü@x")), b""),
    ],
)
def test_what_a_server_is_asked_for(fetch: Fetch, criteria: bytes) -> None:
    assert render_criteria(fetch) == criteria


def test_a_day_of_margin_for_servers_that_compare_days_of_their_own() -> None:
    assert render_since(1_800_000_000.0) == b"SINCE 14-Jan-2027"
