from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mailbox_operator.api.conditions import ALWAYS_PRESENT, ConditionType
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.controller.judge import judge
from mailbox_operator.controller.kinds import Key
from mailbox_operator.controller.outcome import Outcome, Remedy, blocked, fails, holds, unknown
from mailbox_operator.controller.probing import Sequel
from mailbox_operator.controller.prover import Asked, Run
from mailbox_operator.controller.verdict import NETWORK_STEPS, Evidence, Verdict, weigh
from mailbox_operator.fetcher.progress import Progress, State
from unit.controller.builders import mailbox

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 9, 9, 9, tzinfo=UTC)
PASSWORD = Key("Secret", "helpdesk", "support-password")
RUNNING = {
    "metadata": {"name": "mbx-support", "generation": 1},
    "spec": {"replicas": 1},
    "status": {"observedGeneration": 1, "availableReplicas": 1},
}


def evidence(one: Mailbox, before: dict[str, Any] | None = None, **more: Any) -> Evidence:
    there = more.pop("versions", {PASSWORD: "1"})
    judgement = judge(one, provider=None, version_of=there.get, allow_insecure=False)
    known: dict[str, Any] = {
        "run": None, "sequel": None, "deployment": None, "progress": None, "token": "", "working": False,
    }  # fmt: skip
    return Evidence(judgement=judgement, before=before or {}, **known | more)


def proven(one: Mailbox, *changed: Outcome, tries: int = 0, **more: Any) -> dict[str, Any]:
    """What a finished run adds to the evidence: every step holds but for those given."""
    named = {outcome.type: outcome for outcome in changed}
    inputs = judge(one, provider=None, version_of={PASSWORD: "1"}.get, allow_insecure=False).inputs
    asked = Asked(generation=1, inputs=inputs, token=more.pop("token", ""), test=None, tries=tries)
    steps = tuple(named.get(kind, holds(kind, "well")) for kind in NETWORK_STEPS)
    return {
        "run": Run(asked=asked, steps=steps, **more),
        "sequel": Sequel(due=LATER, tries=tries, failures=None),
    }


def conditions(verdict: Verdict) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in verdict.status["conditions"]}


def test_the_first_status_names_every_step_and_waits() -> None:
    verdict = weigh(mailbox(), evidence(mailbox(), working=True), now=NOW)
    found = conditions(verdict)
    assert list(found)[: len(ALWAYS_PRESENT)] == [str(kind) for kind in ALWAYS_PRESENT]
    assert {found[kind] for kind in NETWORK_STEPS} == {("Unknown", "Pending")}
    assert found["Reconciling"] == ("True", "Progressing")
    assert "observedInputs" not in verdict.status, "an operator that dies now proves it after its start"
    assert verdict.status["resolved"]["summary"] == "IMAP imap.example.com:993"


def test_a_proven_mailbox_without_a_sink_is_ready_and_says_when_it_is_proven_again() -> None:
    one = mailbox(delivery=None)
    verdict = weigh(one, evidence(one, **proven(one, token="t")), now=NOW)
    assert conditions(verdict)["Ready"] == ("True", "Succeeded")
    assert verdict.incoming_holds
    assert verdict.status["nextProbeTime"] == "2026-01-02T09:09:09Z"
    assert verdict.status["lastHandledReconcileAt"] == "t"
    assert "fetcher" not in verdict.status


def test_a_visit_without_news_changes_nothing() -> None:
    one = mailbox()
    running: dict[str, Any] = {"deployment": RUNNING, "progress": Progress(state=State.IDLE)}
    first = weigh(one, evidence(one, **proven(one), **running), now=NOW)
    assert conditions(first)["Ready"] == ("True", "Succeeded")
    again = weigh(one, evidence(one, first.status, **running), now=LATER)
    assert again.status == first.status


def test_a_second_run_with_the_same_outcome_changes_times_only() -> None:
    one = mailbox(delivery=None)
    first = weigh(one, evidence(one, **proven(one)), now=NOW)
    second = weigh(one, evidence(one, first.status, **proven(one)), now=LATER)
    assert second.status["conditions"] == first.status["conditions"]


def test_suspended_comes_before_all_that_is_wrong() -> None:
    one = mailbox(suspend=True)
    verdict = weigh(one, evidence(one, versions={}, token="now"), now=NOW)
    found = conditions(verdict)
    assert found["ReferencesResolved"] == ("False", "SecretNotFound")
    assert found["Ready"] == ("False", "Suspended")
    assert {"Stalled", "Reconciling"}.isdisjoint(found)
    assert verdict.status["lastHandledReconcileAt"] == "now"


def test_a_carried_test_message_keeps_its_verdict() -> None:
    one = mailbox(delivery=None)
    first = weigh(one, evidence(one, **proven(one)), now=NOW)
    not_asked = unknown(ConditionType.TEST_MESSAGE_DELIVERED, "NotRequested", "No test message was asked for")
    second = weigh(one, evidence(one, first.status, **proven(one, not_asked)), now=LATER)
    assert conditions(second)["TestMessageDelivered"] == ("True", "Succeeded")


def test_a_mailbox_that_wants_no_test_message_is_ready_without() -> None:
    one = mailbox(delivery=None, verification={"testMessage": "Never"})
    not_asked = unknown(ConditionType.TEST_MESSAGE_DELIVERED, "NotRequested", "No test message was asked for")
    verdict = weigh(one, evidence(one, **proven(one, not_asked)), now=NOW)
    assert conditions(verdict)["TestMessageDelivered"] == ("True", "NotApplicable")
    assert conditions(verdict)["Ready"] == ("True", "Succeeded")


def test_what_follows_a_secret_that_cannot_be_used_was_not_tried() -> None:
    one = mailbox(delivery=None)
    unusable = fails(ConditionType.REFERENCES_RESOLVED, "SecretKeyNotFound", "no such key")
    found = proven(one)
    run = replace(found["run"], references=unusable, steps=tuple(blocked(step.type) for step in found["run"].steps))
    verdict = weigh(one, evidence(one, **(found | {"run": run})), now=NOW)
    again = weigh(one, evidence(one, verdict.status), now=LATER)
    for states in (conditions(verdict), conditions(again)):
        assert states["ReferencesResolved"] == ("False", "SecretKeyNotFound")
        assert states["EndpointsResolved"] == states["TokenAcquired"] == ("Unknown", "BlockedByEarlierStep")
        assert states["Ready"] == ("False", "SecretKeyNotFound")


def test_a_passing_fault_leaves_it_ready_and_says_so() -> None:
    one = mailbox(delivery=None)
    well = weigh(one, evidence(one, **proven(one)), now=NOW)
    away = fails(ConditionType.INCOMING_REACHABLE, "ConnectionRefused", "nobody there", remedy=Remedy.TIME)
    found = evidence(one, well.status, **proven(one, away))
    verdict = weigh(one, replace(found, sequel=Sequel(due=LATER, tries=1, failures=None)), now=NOW)
    assert conditions(verdict)["Ready"] == ("True", "Succeeded")
    assert conditions(verdict)["Reconciling"] == ("True", "ProgressingWithRetry")
    assert verdict.status["failedProbes"] == 1
    assert weigh(one, evidence(one, verdict.status), now=LATER).status == verdict.status, "and goes on saying so"
    believed = weigh(one, evidence(one, verdict.status, **proven(one, away, tries=3)), now=NOW)
    assert conditions(believed)["Ready"] == ("False", "ConnectionRefused")
    assert "failedProbes" not in believed.status


def test_a_refused_login_rests_the_fetcher_and_a_refused_outgoing_one_does_not() -> None:
    one = mailbox()
    incoming = fails(ConditionType.INCOMING_AUTHENTICATED, "CredentialsInvalid", "wrong")
    outgoing = fails(ConditionType.OUTGOING_AUTHENTICATED, "CredentialsInvalid", "wrong")
    running: dict[str, Any] = {"deployment": RUNNING, "progress": Progress(state=State.IDLE)}
    assert weigh(one, evidence(one, **proven(one, incoming), **running), now=NOW).login_rests
    assert not weigh(one, evidence(one, **proven(one, outgoing), **running), now=NOW).login_rests


def test_a_secret_that_cannot_be_used_is_told_and_no_later_step_was_tried() -> None:
    one = mailbox()
    wrong = fails(ConditionType.REFERENCES_RESOLVED, "SecretKeyNotFound", "no such key")
    run = proven(one, *(blocked(kind) for kind in NETWORK_STEPS), references=wrong)
    first = weigh(one, evidence(one, **run), now=NOW)
    assert conditions(first)["Stalled"] == ("True", "SecretKeyNotFound")
    again = weigh(one, evidence(one, first.status), now=LATER)
    assert again.status == first.status, "and it is still told when nothing was looked at anew"


def broken(one: Mailbox, *, inputs: str | None = None) -> dict[str, Any]:
    """What a run that broke off adds to the evidence."""
    found = proven(one, fault="KeyError in mail/pop3/session.py line 7")
    asked = replace(found["run"].asked, inputs=inputs or found["run"].asked.inputs)
    return found | {"run": replace(found["run"], asked=asked, steps=())}


def test_a_proof_that_breaks_off_is_no_verdict_on_a_mailbox_that_was_well() -> None:
    one = mailbox(delivery=None)
    well = weigh(one, evidence(one, **proven(one)), now=NOW).status
    verdict = weigh(one, evidence(one, well, **broken(one)), now=LATER)
    found = conditions(verdict)
    assert found["Ready"] == ("True", "Succeeded")
    assert found.pop("Reconciling") == ("True", "InternalError")
    assert found == conditions(weigh(one, evidence(one, well), now=LATER))
    assert verdict.status["observedInputs"] == well["observedInputs"]
    assert weigh(one, evidence(one, verdict.status), now=LATER).status == verdict.status, "and is told until the next"
    mended = weigh(one, evidence(one, verdict.status, **proven(one)), now=LATER)
    assert "Reconciling" not in conditions(mended)


def test_a_proof_of_something_new_that_breaks_off_leaves_it_unproven() -> None:
    one = mailbox(delivery=None)
    well = weigh(one, evidence(one, **proven(one)), now=NOW).status
    verdict = weigh(one, evidence(one, well, **broken(one, inputs="others")), now=LATER)
    assert conditions(verdict)["Ready"] == ("False", "InternalError")
    assert verdict.status["observedInputs"] == well["observedInputs"], "what is new is still to be proven"
    waiting = weigh(one, evidence(one, verdict.status, working=True), now=LATER)
    assert waiting.status == verdict.status


def test_a_proof_that_breaks_off_leaves_what_a_person_must_change() -> None:
    one = mailbox(delivery=None)
    refusal = fails(ConditionType.INCOMING_AUTHENTICATED, "CredentialsInvalid", "wrong")
    refused = weigh(one, evidence(one, **proven(one, refusal)), now=NOW).status
    found = conditions(weigh(one, evidence(one, refused, **broken(one)), now=LATER))
    assert found["Stalled"] == ("True", "CredentialsInvalid")
    assert "Reconciling" not in found
