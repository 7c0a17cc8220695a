"""Messages as DATA carries them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.lmtp.content import stuff

PARTS = st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r\n.\r\n", b"\n", b"\r", b"\n.\n"]), max_size=12)


def stuffed(*pieces: bytes) -> bytes:
    return b"".join(stuff(pieces))


@pytest.mark.parametrize(
    ("octets", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n..\r\n", b"..\r\n...\r\n.\r\n"),
        (b"a\n.\nMAIL FROM:<x>\n", b"a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_and_lines_end_in_crlf(octets: bytes, wire: bytes) -> None:
    assert stuffed(octets) == wire


@given(PARTS, st.lists(st.integers(0, 40), max_size=5))
def test_the_same_for_every_cut_and_nothing_in_it_ends_it(parts: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(parts)
    edges = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    wire = stuffed(*(octets[a:b] for a, b in itertools.pairwise(edges)))
    assert wire == stuffed(octets)
    body = b"\r\n" + wire[:-3]
    assert b"\n.\n" not in body.replace(b"\r", b"\n").replace(b"\n\n", b"\n")
    assert b"\n.\r" not in body
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"


@given(st.lists(st.sampled_from([b".", b"text", b"\r\n"]), max_size=12))
def test_a_receiver_has_the_very_octets(parts: list[bytes]) -> None:
    octets = b"".join(parts) + b"\r\n"
    body = (b"\r\n" + stuffed(octets)).removesuffix(b".\r\n")
    assert body.replace(b"\r\n.", b"\r\n")[2:] == octets


def test_what_needs_no_change_is_not_copied() -> None:
    octets = b"Subject: x\r\n\r\nhello\r\n"
    assert next(stuff((octets,))) is octets
