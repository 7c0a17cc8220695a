"""Waits between tries."""

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.backoff import backoff_seconds


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_nothing_and_never_too_long(attempt: int, chance: float) -> None:
    assert 0.5 <= backoff_seconds(attempt, first=1.0, longest=300.0, chance=chance) <= 300.0


def test_waits_double_until_the_longest() -> None:
    waits = [backoff_seconds(attempt, first=1.0, longest=60.0, chance=0.999999) for attempt in range(1, 9)]
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]
