"""A Mailbox's next status, and whether its fetcher may run, from all that a visit has found out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.mailbox import Mailbox
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.backoff import rfc3339
from mailbox_operator.controller.conditions import carried, carried_cautions, next_conditions, retrying
from mailbox_operator.controller.fetching import (
    REPEATING,
    Fetching,
    fetcher_status,
    fetching_cautions,
    fetching_outcomes,
)
from mailbox_operator.controller.judge import Judgement
from mailbox_operator.controller.outcome import Outcome, Status, blocked, holds, unknown
from mailbox_operator.controller.probing import Sequel, doubt, login_rests, speaks_of
from mailbox_operator.controller.prover import Run
from mailbox_operator.controller.status import resolved
from mailbox_operator.fetcher.progress import Progress
from mailbox_operator.verification.model import Step

Object = dict[str, Any]

NETWORK_STEPS: Final = tuple(ConditionType(step) for step in Step)
INCOMING: Final = NETWORK_STEPS[:4]
KEPT: Final = (
    "observedInputs", "lastProbeTime", "nextProbeTime", "loginFailures", "failedProbes", "lastHandledReconcileAt",
)  # fmt: skip
"""Fields of a status that stay as they are unless a run changes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a visit has found out."""

    judgement: Judgement
    before: Object
    """The status so far."""
    run: Run | None
    """The result of a verification that is not written down yet."""
    sequel: Sequel | None
    """What follows from it."""
    deployment: Object | None
    progress: Progress | None
    token: str
    """Of a reconcile that somebody asks for, or ""."""
    working: bool
    """Whether a verification goes on whose outcome may differ."""
    refusal: str = ""
    """What the API server said when it refused to have the fetcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from it."""

    status: Object
    """As it should be written."""
    incoming_holds: bool
    login_rests: bool
    """Whether the fetcher must not sign in."""


def weigh(mailbox: Mailbox, found: Evidence, *, now: datetime) -> Verdict:
    """Return what follows from the evidence."""
    before, judgement, suspended = found.before, found.judgement, mailbox.spec.suspend
    previous: list[Object] = before.get("conditions") or []
    trouble = doubt(found.run, before) if found.run else None
    broken = _broken(mailbox, found, previous)
    believed = None if trouble or broken else found.run
    early, steps = _steps(mailbox, judgement, previous, believed)
    status: Object = {"observedGeneration": mailbox.metadata.generation, "conditions": []}
    status |= {name: before[name] for name in KEPT if name in before}
    if found.run and found.sequel:
        _record(status, found.run, found.sequel, doubted=trouble is not None, now=now)
    elif suspended or judgement.chosen is None:
        for name in ("observedInputs", "loginFailures", "failedProbes"):
            status.pop(name, None)
        if found.token:
            status["lastHandledReconcileAt"] = found.token
    replicas = found.deployment["spec"].get("replicas", 1) if found.deployment else None
    rests = login_rests(steps, status.get("loginFailures"), replicas=replicas)
    holding = {one.type for one in steps if one.status is Status.TRUE}
    seen = Fetching(
        wanted=mailbox.spec.delivery is not None,
        suspended=suspended,
        incoming_holds=holding.issuperset(INCOMING),
        login_refused=rests,
        refusal=found.refusal,
        deployment=found.deployment,
        progress=found.progress,
    )
    settled = judgement.chosen or suspended
    fetching = fetching_outcomes(seen) if settled else (blocked(one) for one in FETCHING)
    status["conditions"] = next_conditions(
        previous,
        [*early, *steps, *fetching],
        [
            *(
                one
                for one in (believed.cautions if believed else carried_cautions(previous))
                if one.type not in REPEATING
            ),
            *fetching_cautions(found.progress, now=now),
        ],
        generation=mailbox.metadata.generation,
        now=rfc3339(now),
        working=found.working
        or (found.run is not None and broken is not None and not speaks_of(before, found.run.asked)),
        broken=broken,
        doubted=retrying(trouble) if trouble else _still_doubted(found, status),
    )
    if judgement.chosen:
        status["resolved"] = resolved(mailbox.spec, judgement.chosen)
    if mailbox.spec.delivery and (fetcher := fetcher_status(found.deployment, found.progress)):
        status["fetcher"] = fetcher
    return Verdict(status=status, incoming_holds=seen.incoming_holds, login_rests=rests)


REPORT: Final = "it is tried again; report it with the operator's log"
FETCHING: Final = (ConditionType.FETCHER_AVAILABLE, ConditionType.DELIVERING)


def _steps(
    mailbox: Mailbox, judgement: Judgement, previous: Sequence[Object], run: Run | None
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of the steps before the network, and of those on it."""
    early = list(judgement.outcomes)
    if mailbox.spec.suspend:
        return early, [unknown(kind, Reason.SUSPENDED, "Suspended by spec.suspend") for kind in NETWORK_STEPS]
    if judgement.chosen is None:
        return early, [blocked(kind) for kind in NETWORK_STEPS]
    stalled = any(one["type"] == ConditionType.STALLED for one in previous)
    if run is None:
        steps = [_pending_again(carried(previous, kind, stalled=stalled)) for kind in NETWORK_STEPS]
        was = next((one for one in previous if one["type"] == ConditionType.REFERENCES_RESOLVED), None)
        if was and was["status"] == "False" and was["observedGeneration"] == mailbox.metadata.generation:
            early = _stopped(early, carried(previous, ConditionType.REFERENCES_RESOLVED, stalled=stalled))
        return early, steps
    if run.references:
        early = _stopped(early, run.references)
    if mailbox.spec.wants_test_message:
        untested = carried(previous, ConditionType.TEST_MESSAGE_DELIVERED, stalled=stalled)
    else:
        untested = holds(
            ConditionType.TEST_MESSAGE_DELIVERED,
            "No test message is sent: spec.verification.testMessage is Never",
            reason=Reason.NOT_APPLICABLE,
        )
    return early, [untested if one.reason == "NotRequested" else one for one in run.steps]


def _stopped(early: Sequence[Outcome], references: Outcome) -> list[Outcome]:
    """Return the steps before the network where what is referred to cannot be used."""
    where = next(n for n, one in enumerate(early) if one.type == references.type)
    return [*early[:where], references, *(blocked(one.type) for one in early[where + 1 :])]


def _broken(mailbox: Mailbox, found: Evidence, previous: Sequence[Object]) -> Outcome | None:
    """Return Reconciling of a mailbox whose proof broke off for a fault of ours, until another has come to an end."""
    if found.run:
        text = f"The operator broke off the proof, by a fault of its own: {found.run.fault}: {REPORT}"
        return holds(ConditionType.RECONCILING, text, reason=Reason.INTERNAL_ERROR) if found.run.fault else None
    if found.judgement.chosen is None or mailbox.spec.suspend:
        return None
    for one in previous:
        told = (one["type"], one["reason"]) == (ConditionType.RECONCILING, Reason.INTERNAL_ERROR)
        if told and one["observedGeneration"] == mailbox.metadata.generation:
            return holds(ConditionType.RECONCILING, one["message"], reason=one["reason"])
    return None


def _still_doubted(found: Evidence, status: Object) -> Outcome | None:
    """Return what the status says of a fault that is not believed yet, for a visit that has nothing newer."""
    if found.run or not status.get("failedProbes"):
        return None
    for one in found.before["conditions"]:
        if one["type"] == ConditionType.RECONCILING and one["reason"] == Reason.PROGRESSING_WITH_RETRY:
            return holds(ConditionType.RECONCILING, one["message"], reason=one["reason"])
    return None


def _pending_again(outcome: Outcome) -> Outcome:
    """Return a carried step; one that was suspended waits for its turn now."""
    if outcome.status is Status.UNKNOWN and outcome.reason in {Reason.SUSPENDED, Reason.PENDING}:
        return unknown(outcome.type, Reason.PENDING, "Not yet tried")
    return outcome


def _record(status: Object, run: Run, following: Sequel, *, doubted: bool, now: datetime) -> None:
    """Write a run down in `status`; of one that broke off, that it was, so that the status speaks of what it spoke of."""
    if run.asked.token:
        status["lastHandledReconcileAt"] = run.asked.token
    if run.fault:
        status["nextProbeTime"] = rfc3339(following.due)
        return
    for name in ("loginFailures", "failedProbes"):
        status.pop(name, None)
    status |= {
        "observedInputs": run.asked.inputs,
        "lastProbeTime": rfc3339(now),
        "nextProbeTime": rfc3339(following.due),
    }
    if following.failures:
        status["loginFailures"] = following.failures
    if doubted:
        status["failedProbes"] = following.tries
