from typing import Any

from mailbox_operator.controller.events import quarantined, transitions


def condition(kind: str, status: str, reason: str, message: str = "words") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


READY = condition("Ready", "True", "Succeeded")
REFUSED = condition("IncomingAuthenticated", "False", "CredentialsInvalid", "wrong password")


def reasons(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    return [one.reason for one in transitions(before, after)]


def test_the_first_success_is_told_once() -> None:
    assert reasons([], [READY]) == ["Verified"]
    assert reasons([READY], [READY]) == []


def test_a_failure_is_told_when_it_comes_and_not_while_it_stays() -> None:
    not_ready = condition("Ready", "False", "CredentialsInvalid")
    (told,) = transitions([READY], [REFUSED, not_ready])
    assert (told.warning, told.reason) == (True, "CredentialsInvalid")
    assert told.note == "IncomingAuthenticated: wrong password"
    assert reasons([REFUSED, not_ready], [REFUSED, not_ready]) == []


def test_another_reason_is_told_again() -> None:
    other = condition("IncomingAuthenticated", "False", "AccountBlocked")
    assert reasons([REFUSED], [other]) == ["AccountBlocked"]


def test_a_recovery_is_told() -> None:
    assert reasons([REFUSED, condition("Ready", "False", "Progressing")], [READY]) == ["Recovered"]


def test_what_only_waits_is_not_told() -> None:
    assert (
        reasons([], [condition("Ready", "False", "Progressing"), condition("FetcherAvailable", "False", "Pending")])
        == []
    )


def test_of_a_suspended_mailbox_nothing_is_told() -> None:
    missing = condition("ReferencesResolved", "False", "SecretNotFound")
    assert reasons([], [missing, condition("Ready", "False", "Suspended")]) == []


def test_a_message_in_quarantine_is_told_once_for_each_rise() -> None:
    def status(count: int) -> dict[str, Any]:
        return {"fetcher": {"quarantined": count}}

    [told] = quarantined(status(0), status(1), last="INBOX/7/12: The sink answered 422")
    assert (told.reason, told.warning) == ("MessageQuarantined", True)
    assert "INBOX/7/12" in told.note
    assert quarantined(status(1), status(1), last="x") == quarantined(status(2), status(1), last="x") == []
    assert quarantined({}, {}, last="") == []
