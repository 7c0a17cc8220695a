"""What a sink's answers mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.fetcher.webhook.answer import RETRY_AFTER_LIMIT, Verdict, judge_answer, parse_retry_after


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (202, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (301, Verdict.MISCONFIGURED),
        (308, Verdict.MISCONFIGURED),
        (400, Verdict.REFUSED),
        (401, Verdict.MISCONFIGURED),
        (403, Verdict.MISCONFIGURED),
        (404, Verdict.MISCONFIGURED),
        (405, Verdict.MISCONFIGURED),
        (408, Verdict.AGAIN),
        (410, Verdict.GONE),
        (413, Verdict.REFUSED),
        (422, Verdict.REFUSED),
        (425, Verdict.AGAIN),
        (429, Verdict.AGAIN),
        (500, Verdict.AGAIN),
        (501, Verdict.AGAIN),
        (503, Verdict.AGAIN),
    ],
)
def test_each_status_has_a_verdict(status: int, verdict: Verdict) -> None:
    answer = judge_answer(status)
    assert answer.verdict is verdict
    assert (str(status) in answer.said) is (verdict is not Verdict.DELIVERED)


NOW = 784_111_777.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120.0),
        (b" 0 ", 0.0),
        (b"99999999999", RETRY_AFTER_LIMIT),
        (b"Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        (b"Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        (b"Sun, 06 Nov 2094 08:00:00 GMT", RETRY_AFTER_LIMIT),
        (b"soon", None),
        (b"-1", None),
        (b"", None),
        (b"1.5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: bytes, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == seconds
    assert judge_answer(503, retry_after=value, now=NOW).retry_after_seconds == seconds


@given(st.binary(max_size=40))
def test_any_retry_after_is_bounded(value: bytes) -> None:
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_LIMIT
