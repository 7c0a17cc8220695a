"""What follows from a run: refused logins counted, the next run due, a little patience with a mailbox that was well. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.backoff import (
    interval_delay,
    next_login_failures,
    parse_time,
    transport_delay,
    unanswered_delay,
)
from mailbox_operator.controller.outcome import Outcome, Remedy, Status
from mailbox_operator.controller.prover import Asked, Run

Object = dict[str, Any]

LOGINS: Final = frozenset({ConditionType.INCOMING_AUTHENTICATED, ConditionType.OUTGOING_AUTHENTICATED})
PATIENCE: Final = 3
"""Runs in a row that may fail by themselves before a mailbox that was well is told otherwise."""
UNWATCHED: Final = frozenset({Reason.CONFIG_MAP_NOT_FOUND, Reason.CONFIG_MAP_KEY_NOT_FOUND})
LOOK_SECONDS: Final = 5.0
"""Between looks for a ConfigMap that is missing: no watch tells of those that are not the operator's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequel:
    """What follows from a run."""

    due: datetime
    """When to prove the mailbox again, unless something changes."""
    tries: int
    """Runs in a row that failed and may heal by themselves."""
    failures: Object | None
    """`status.loginFailures`."""


def speaks_of(status: Object, asked: Asked) -> bool:
    """Whether a status already speaks of the spec and the references that a run has seen."""
    return (status.get("observedInputs"), status.get("observedGeneration")) == (asked.inputs, asked.generation)


def sequel(run: Run, before: Object, *, interval: float, now: datetime, jitter: float) -> Sequel:
    """Return what follows from a run.

    Args:
        run: its result.
        before: the status so far.
        interval: seconds between runs of a mailbox that is well.
        now: the time.
        jitter: from 0 to 1, drawn by the caller.

    A test message that did not come back is not sent again, and looked for after an interval.
    """
    if run.fault:  # a login may have been shown, and nobody knows what became of it
        wait = unanswered_delay(run.asked.tries + 1, jitter=jitter)
        due = now + timedelta(seconds=wait)
        return Sequel(due=due, tries=run.asked.tries + 1, failures=before.get("loginFailures"))
    wrong = [one for one in run.steps if one.remedy]
    heals = any(one.remedy is Remedy.TIME for one in wrong)
    tries = run.asked.tries + 1 if heals else 0
    earlier = before.get("loginFailures") if speaks_of(before, run.asked) else None
    if run.login_refused:
        failures = next_login_failures(earlier, now=now)
        return Sequel(due=parse_time(failures["nextAttemptTime"]), tries=tries, failures=failures)
    untried = any(one.type in LOGINS and one.status is not Status.TRUE for one in run.steps)
    wait = interval_delay(interval, jitter=jitter)
    if heals and any(one.type is not ConditionType.TEST_MESSAGE_DELIVERED for one in wrong):
        wait = max(transport_delay(tries, jitter=jitter), run.retry_after_seconds or 0.0)
        if run.login_unanswered:
            wait = max(wait, unanswered_delay(tries, jitter=jitter))
    elif run.references and run.references.reason in UNWATCHED:
        wait = LOOK_SECONDS
    return Sequel(due=now + timedelta(seconds=wait), tries=tries, failures=earlier if untried else None)


def doubt(run: Run, before: Object) -> Outcome | None:
    """Return what is wrong where a mailbox that was well is still to be trusted: a fault or two that may pass."""
    failed = [one for one in run.steps if one.remedy]
    was = {one["type"]: one["status"] for one in before.get("conditions") or ()}
    trusted = (
        run.asked.tries < PATIENCE
        and run.references is None
        and speaks_of(before, run.asked)
        and all(was.get(one.type) == Status.TRUE for one in run.steps)
    )
    return failed[0] if failed and trusted and all(one.remedy is Remedy.TIME for one in failed) else None


def login_rests(steps: Sequence[Outcome], failures: Object | None, *, replicas: int | None) -> bool:
    """Whether the fetcher must not knock: its login was refused, and it has not been accepted since.

    `replicas` are those that its Deployment has now, which tell a refused incoming side from a refused outgoing one
    when the server has not been reached since.
    """
    login = next((one for one in steps if one.type is ConditionType.INCOMING_AUTHENTICATED), None)
    if login is None or login.status is Status.TRUE:
        return False
    return login.remedy is Remedy.PERSON or (failures is not None and replicas == 0)
