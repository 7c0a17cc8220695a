from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.controller.backoff import (
    LOGIN_FIRST,
    LOGIN_LONGEST,
    TRANSPORT_LONGEST,
    interval_delay,
    next_login_failures,
    parse_time,
    rfc3339,
    transport_delay,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_refused_login_waits_an_hour_and_then_twice_as_long() -> None:
    first = next_login_failures(None, now=NOW)
    assert first == {"count": 1, "since": "2026-11-24T12:00:00Z", "nextAttemptTime": "2026-11-24T13:00:00Z"}
    second = next_login_failures(first, now=NOW + LOGIN_FIRST)
    assert (second["count"], second["since"]) == (2, first["since"])
    assert parse_time(second["nextAttemptTime"]) == NOW + timedelta(hours=3)


def test_a_wrong_password_is_tried_five_times_a_day_at_most() -> None:
    now, failures, tries = NOW, None, 0
    while now < NOW + timedelta(days=1):
        failures = next_login_failures(failures, now=now)
        tries += 1
        now = parse_time(failures["nextAttemptTime"])
    assert tries <= 5


@given(count=st.integers(1, 10_000))
def test_the_wait_has_an_end(count: int) -> None:
    failures = next_login_failures({"count": count, "since": rfc3339(NOW)}, now=NOW)
    assert parse_time(failures["nextAttemptTime"]) - NOW <= LOGIN_LONGEST


@given(tries=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_transport_waits_between_a_second_and_five_minutes(tries: int, jitter: float) -> None:
    assert 1 <= transport_delay(tries, jitter=jitter) <= TRANSPORT_LONGEST


@given(seconds=st.floats(60, 1e6), jitter=st.floats(0, 1))
def test_an_interval_is_spread_by_a_tenth(seconds: float, jitter: float) -> None:
    assert seconds * 0.899 <= interval_delay(seconds, jitter=jitter) <= seconds * 1.101
