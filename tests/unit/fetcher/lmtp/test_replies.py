"""Replies out of what arrives."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.lmtp.replies import LINE_LIMIT, LmtpError, Reply, ReplyReader

STREAM = b"220-hello\r\n220 there\r\n250 2.1.0 fine\r\n354\r\n550-5.1.1 no\n550 5.1.1 such user\r\n"
REPLIES = [
    Reply(220, "", ("hello", "there")),
    Reply(250, "2.1.0", ("2.1.0 fine",)),
    Reply(354, "", ("",)),
    Reply(550, "5.1.1", ("5.1.1 no", "5.1.1 such user")),
]


def replies_of(*pieces: bytes) -> list[Reply]:
    reader = ReplyReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (reply := reader.next_reply()) is not None:
            found.append(reply)
    return found


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_the_same_replies_for_every_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert replies_of(*(STREAM[a:b] for a, b in itertools.pairwise(edges))) == REPLIES


@given(st.binary(max_size=300))
def test_garbage_gives_replies_or_an_error_and_nothing_else(octets: bytes) -> None:
    try:
        replies_of(octets)
    except LmtpError:
        return


@pytest.mark.parametrize(
    "octets",
    [
        b"* OK IMAP4rev1\r\n",
        b"250-a\r\n251 b\r\n",
        b"99 x\r\n",
        b"2500 x\r\n",
        b"x" * (LINE_LIMIT + 1),
        b"250-x\r\n" * 300,
    ],
)
def test_what_is_no_reply_is_an_error_for_ever(octets: bytes) -> None:
    reader = ReplyReader()
    reader.feed(octets)
    for _ in range(2):
        with pytest.raises(LmtpError):
            reader.next_reply()
        reader.feed(b"250 fine\r\n")


def test_people_read_it_in_one_line() -> None:
    assert REPLIES[3].text == "550 5.1.1 no 5.1.1 such user"
