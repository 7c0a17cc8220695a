"""What a maildrop holds: no message is lost because its line is odd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.pop3.ledger import hash_uidl
from mailbox_operator.fetcher.pop3.listing import Shown, Sizes, hashes_of, numbers_of, parse_shown
from mailbox_operator.mail.errors import MailError


def test_a_line_of_uidl() -> None:
    assert parse_shown(b"12 whqtswO00WBw418f9t5JxYwZ") == Shown(12, b"whqtswO00WBw418f9t5JxYwZ")
    assert parse_shown(b"1  a b ") == Shown(1, b"a b")


@pytest.mark.parametrize("line", [b"", b"1", b"1 ", b"x y", b"0 a", b"-1 a", b"99999999999 a"])
def test_a_line_that_names_no_message_is_an_error(line: bytes) -> None:
    with pytest.raises(MailError, match="UIDL not understood"):
        parse_shown(line)


def test_messages_are_found_by_their_hash_also_where_two_share_it() -> None:
    lines = [b"1 a", b"2 b", b"3 a"]
    assert numbers_of(lines, {hash_uidl(b"a")}) == {1: hash_uidl(b"a"), 3: hash_uidl(b"a")}
    assert hashes_of(lines) == [hash_uidl(b"a"), hash_uidl(b"b"), hash_uidl(b"a")]


@given(st.lists(st.binary(max_size=30), max_size=5), st.integers(0, 2**64))
def test_sizes_are_what_the_server_said_or_none(lines: list[bytes], number: int) -> None:
    assert 0 <= Sizes(lines).of(number) < 2**63
    assert Sizes([b"1 120", b"2 200 octets"]).of(2) == 200
    assert Sizes([b"1 120"]).of(7) == 0
