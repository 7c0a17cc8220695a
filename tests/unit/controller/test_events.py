from datetime import UTC, datetime
from typing import Any

import pytest

from mailbox_operator.controller.events import Happening, quarantined, render_event, transitions


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
    mended = condition("IncomingAuthenticated", "True", "Succeeded", "Signed in as support")
    not_ready = condition("Ready", "False", "CredentialsInvalid")
    assert reasons([REFUSED, condition("Ready", "False", "Progressing")], [mended, READY]) == ["Recovered"]
    [told] = transitions([REFUSED, not_ready], [mended, condition("Ready", "Unknown", "FetcherStarting")])
    assert (told.reason, told.note) == ("Recovered", "IncomingAuthenticated: Signed in as support")


def test_what_has_recovered_in_part_or_is_not_known_is_no_recovery() -> None:
    other = condition("OutgoingReachable", "False", "ConnectionRefused")
    mended = condition("IncomingAuthenticated", "True", "Succeeded")
    assert reasons([REFUSED, other], [mended, other]) == []
    assert reasons([REFUSED], [condition("IncomingAuthenticated", "Unknown", "Pending")]) == []


def test_a_fault_of_ours_is_told_once() -> None:
    fault = condition("Reconciling", "True", "InternalError", "KeyError")
    (told,) = transitions([READY], [READY, fault])
    assert (told.warning, told.reason, told.note) == (True, "InternalError", "KeyError")
    assert reasons([READY, fault], [READY, fault]) == []


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


@pytest.mark.parametrize("note", ["\u8a8d\u8a3c\u306b\u5931\u6557" * 200, "x" * 2000, "short"])
def test_a_note_has_as_many_octets_as_the_api_server_takes(note: str) -> None:
    happening = Happening(warning=True, reason="CredentialsInvalid", action="Verify", note=note)
    metadata = {"name": "support", "namespace": "helpdesk", "uid": "u"}
    event = render_event(happening, {"metadata": metadata}, kind="Mailbox", now=datetime.now(UTC), pod="p")
    assert len(event["note"].encode()) <= 1024
    assert note.startswith(event["note"])
    assert len(event["note"]) >= min(len(note), 341)
