"""Sets of hashes are written in little, and read back as they were."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.pop3.uidl_set import parse_hashes, render_hashes

hashes = st.sets(st.integers(0, 2**64 - 1))


@given(hashes)
def test_what_is_written_is_read_back(written: set[int]) -> None:
    assert parse_hashes(render_hashes(written), limit=10_000) == written


@given(st.sets(st.integers(0, 70_000)))
def test_also_where_they_are_no_good_hashes(written: set[int]) -> None:
    assert parse_hashes(render_hashes(written), limit=10_000) == written


@given(st.one_of(st.text(alphabet="AZaz09+/=", max_size=60), st.text(max_size=10)))
def test_what_cannot_be_read_is_a_value_error(text: str) -> None:
    try:
        found = parse_hashes(text, limit=100)
    except ValueError:
        return
    assert len(found) <= 100


@given(hashes.filter(bool), st.data())
def test_what_was_cut_off_is_not_taken_for_less(written: set[int], data: st.DataObject) -> None:
    text = render_hashes(written)
    length = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(ValueError, match=r"hashes|padding|decode|base64"):
        parse_hashes(text[:length], limit=10_000)


def test_more_than_the_limit_was_not_written_by_us() -> None:
    with pytest.raises(ValueError, match="11 hashes"):
        parse_hashes(render_hashes(range(11)), limit=10)


def test_a_hundred_thousand_take_little_more_than_their_entropy() -> None:
    chance = random.Random(1)  # noqa: S311 - the same each time
    assert len(render_hashes(chance.getrandbits(64) for _ in range(100_000))) < 840_000
