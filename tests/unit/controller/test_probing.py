from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.backoff import parse_time, rfc3339
from mailbox_operator.controller.outcome import Outcome, Remedy, blocked, fails, holds
from mailbox_operator.controller.probing import PATIENCE, doubt, login_rests, sequel
from mailbox_operator.controller.prover import Asked, Run
from mailbox_operator.verification.model import Step

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STEPS = [ConditionType(step) for step in Step]
REACHABLE, SECURED, AUTHENTICATED = STEPS[:3]
SENT = ConditionType.TEST_MESSAGE_DELIVERED


def asked(*, tries: int = 0, inputs: str = "i") -> Asked:
    return Asked(generation=1, inputs=inputs, token="", test=None, tries=tries)


def run(*changed: Outcome, tries: int = 0, **more: Any) -> Run:
    """A run whose steps hold, but for those given."""
    named = {one.type: one for one in changed}
    steps = tuple(named.get(kind, holds(kind, "well")) for kind in STEPS)
    return Run(asked=asked(tries=tries), steps=steps, **more)


def status(*, steps: str = "True", **more: Any) -> dict[str, Any]:
    conditions = [{"type": str(kind), "status": steps} for kind in STEPS]
    return {"observedGeneration": 1, "observedInputs": "i", "conditions": conditions} | more


UNREACHABLE = fails(REACHABLE, "ConnectionRefused", "refused", remedy=Remedy.TIME)
REFUSED = fails(AUTHENTICATED, "CredentialsInvalid", "wrong")
UNTRUSTED = fails(SECURED, "TLSCertificateUntrusted", "who is it")
FAILURES = {"count": 2, "since": "2026-01-01T00:00:00Z", "nextAttemptTime": "2026-01-01T02:00:00Z"}


def wait(found: Run, before: dict[str, Any] | None = None) -> float:
    following = sequel(found, before or status(), interval=3600, now=NOW, jitter=0.5)
    return (following.due - NOW).total_seconds()


def test_a_mailbox_that_is_well_is_proven_after_an_interval() -> None:
    following = sequel(run(), status(loginFailures=FAILURES), interval=3600, now=NOW, jitter=0.5)
    assert following.due == NOW + timedelta(hours=1)
    assert (following.tries, following.failures) == (0, None)


@given(st.integers(0, 40), st.floats(0, 1))
def test_what_may_heal_is_tried_soon_and_ever_less_often(tries: int, jitter: float) -> None:
    following = sequel(run(UNREACHABLE, tries=tries), status(), interval=3600, now=NOW, jitter=jitter)
    assert following.tries == tries + 1
    assert 1 <= (following.due - NOW).total_seconds() <= min(2.0 ** (tries + 1), 300)


def test_a_delay_that_the_server_named_is_kept() -> None:
    assert wait(run(UNREACHABLE, retry_after_seconds=90.0)) == 90


def test_a_login_that_nobody_answered_is_not_repeated_soon() -> None:
    """A server may hold back its refusal for longer than we wait, and count it all the same."""
    silent = fails(AUTHENTICATED, "ServerSilent", "silent", remedy=Remedy.TIME)
    waits = [wait(run(silent, login_unanswered=True, tries=tries)) for tries in range(6)]
    assert waits == [300, 600, 1200, 2400, 3600, 3600]
    assert wait(run(silent, tries=0)) < 5, "temporarily unavailable, says the server itself"


def test_what_a_person_must_mend_is_looked_at_after_an_interval() -> None:
    assert wait(run(UNTRUSTED)) == 3600


def test_a_test_message_that_did_not_come_back_is_sent_again_after_an_interval() -> None:
    lost = fails(SENT, "TestMessageNotReceived", "lost", remedy=Remedy.TIME)
    assert wait(run(lost)) == 3600
    assert wait(run(lost, UNREACHABLE)) < 5


def test_a_missing_config_map_is_looked_for_again_soon() -> None:
    missing = fails(ConditionType.REFERENCES_RESOLVED, Reason.CONFIG_MAP_NOT_FOUND, "create it")
    assert wait(Run(asked=asked(), references=missing, steps=tuple(blocked(kind) for kind in STEPS))) < 30


def test_a_refused_login_waits_an_hour_and_then_twice_as_long() -> None:
    first = sequel(run(REFUSED, login_refused=True), status(), interval=60, now=NOW, jitter=0.5)
    assert first.failures == {
        "count": 1,
        "since": rfc3339(NOW),
        "nextAttemptTime": rfc3339(NOW + timedelta(hours=1)),
    }
    assert first.due == NOW + timedelta(hours=1)
    second = sequel(
        run(REFUSED, login_refused=True), status(loginFailures=first.failures), interval=60, now=NOW, jitter=0.5
    )
    assert second.failures is not None
    assert second.failures["count"] == 2
    assert parse_time(second.failures["nextAttemptTime"]) == NOW + timedelta(hours=2)


def test_refusals_of_another_credential_do_not_count() -> None:
    before = status(loginFailures=FAILURES) | {"observedInputs": "another"}
    following = sequel(run(REFUSED, login_refused=True), before, interval=60, now=NOW, jitter=0.5)
    assert following.failures is not None
    assert following.failures["count"] == 1


def test_refusals_stay_counted_while_the_server_cannot_be_reached() -> None:
    away = run(UNREACHABLE, blocked(AUTHENTICATED))
    following = sequel(away, status(loginFailures=FAILURES), interval=60, now=NOW, jitter=0.5)
    assert following.failures == FAILURES


def test_a_mailbox_that_was_well_is_trusted_through_three_faults() -> None:
    trusted = [doubt(run(UNREACHABLE, tries=tries), status()) is UNREACHABLE for tries in range(PATIENCE + 2)]
    assert trusted == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("found", "before"),
    [
        (run(), status()),
        (run(REFUSED), status()),
        (run(UNREACHABLE, UNTRUSTED), status()),
        (run(UNREACHABLE), status(steps="False")),
        (run(UNREACHABLE), status() | {"observedInputs": "another"}),
        (run(UNREACHABLE), status() | {"observedGeneration": 0}),
        (run(UNREACHABLE), {}),
    ],
)
def test_nothing_else_is_doubted(found: Run, before: dict[str, Any]) -> None:
    assert doubt(found, before) is None


@pytest.mark.parametrize(
    ("login", "failures", "replicas", "expected"),
    [
        (holds(AUTHENTICATED, "in"), FAILURES, 0, False),
        (REFUSED, FAILURES, 1, True),
        (REFUSED, None, None, True),
        (fails(AUTHENTICATED, "ServerSilent", "?", remedy=Remedy.TIME), None, 1, False),
        (blocked(AUTHENTICATED), FAILURES, 0, True),
        (blocked(AUTHENTICATED), FAILURES, 1, False),
        (blocked(AUTHENTICATED), None, 0, False),
    ],
)
def test_a_fetcher_does_not_knock_until_its_login_is_accepted(
    login: Outcome, failures: dict[str, Any] | None, replicas: int | None, *, expected: bool
) -> None:
    assert login_rests([login], failures, replicas=replicas) is expected


def test_a_run_that_broke_off_rests_as_if_it_had_shown_its_login_and_forgets_no_refusal() -> None:
    assert wait(run(fault="KeyError")) == 300
    assert wait(run(fault="KeyError", tries=5)) == 3600
    following = sequel(run(fault="KeyError"), status(loginFailures=FAILURES), interval=3600, now=NOW, jitter=0.5)
    assert (following.tries, following.failures) == (1, FAILURES)
