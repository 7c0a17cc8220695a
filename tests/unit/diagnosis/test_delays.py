"""A pause that a server asks for is heard, and not believed without end."""

import pytest

from mailbox_operator.diagnosis.delays import LONGEST, named_delay
from mailbox_operator.diagnosis.evidence import Evidence


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("421 4.7.0 Try again in 5 minutes", 300.0),
        ("rate limit, retry after 30 s", 30.0),
        ("please wait 2 hours", 7200.0),
        ("retry in 1500 ms", 1.5),
        ("Request is throttled. Suggested Backoff Time: 92415 milliseconds", 92.415),
        ('<Value Name="BackOffMilliseconds">5000</Value>', 5.0),
        ("Retry-After: 17", 17.0),
        ("421 4.7.0 Try again later", None),
        ("retry after 9999999 hours", LONGEST),
        ("ServiceNotAvailable: 4.3.2 Service not active", None),
    ],
)
def test_a_pause_in_the_words(text: str, seconds: float | None) -> None:
    assert named_delay(Evidence(text=text), None) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_pause_in_a_header(value: str, seconds: float | None) -> None:
    assert named_delay(Evidence(text="", headers=(("retry-after", value),)), None) == seconds
