"""Reasons that the evidence cannot tell apart have one retry class."""

import pytest

from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.diagnosis.reasons import combine, reasons


@pytest.mark.parametrize(
    ("names", "retry"),
    [
        (["MailboxFull", "SendingLimitReached"], Retry.BACKOFF),
        (["SendingLimitReached", "MailboxFull"], Retry.AFTER),
        (["CommandRejected", "AuthMechanismUnsupported"], Retry.LIMITED),
        (["MessageRejected", "ServerError"], Retry.NO),
        (["ServerError", "MessageRejected"], Retry.BACKOFF),
        (["TokenRejected", "CredentialsInvalid"], Retry.REFRESH),
    ],
)
def test_a_combined_reason_is_tried_again_as_the_likeliest(names: list[str], retry: Retry) -> None:
    assert combine([reasons()[name] for name in names]).retry is retry


def test_two_causes_with_one_remedy_name_it_once() -> None:
    found = combine([reasons()[name] for name in ("ServerUnavailable", "AuthenticationUnavailable")])
    assert found.action == reasons()["ServerUnavailable"].action == reasons()["AuthenticationUnavailable"].action
    assert ", or: " in found.meaning
