from datetime import timedelta

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.api.durations import octets, seconds
from mailbox_operator.api.syntax import SPAN


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("7d", 604800)],
)
def test_a_duration_is_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5m ", "5M", "1h30", "5min", "\u0661m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


@given(st.from_regex(rf"\A{SPAN}\Z").filter(lambda text: len(text) <= 32 and text.isascii()))
def test_every_duration_that_the_rules_let_pass_means_what_go_says(text: str) -> None:
    meant = cel.evaluate("duration(text)", {"text": text})
    assert isinstance(meant, timedelta)
    assert seconds(text) == pytest.approx(meant.total_seconds(), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("4096", 4096), ("25Mi", 25 * 2**20), ("512Ki", 2**19), ("1G", 10**9), ("3k", 3000)],
)
def test_a_quantity_of_octets_is_read(text: str, expected: int) -> None:
    assert octets(text) == expected


@pytest.mark.parametrize("text", ["", "25MB", "1.5Mi", "-1", "Mi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        octets(text)
