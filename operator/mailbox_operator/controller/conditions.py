"""Condition arithmetic: from the previous conditions and the outcomes to the next conditions. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from mailbox_operator.api.conditions import ALWAYS_PRESENT, PRESENT_WHILE_TRUE, ConditionType
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.outcome import Outcome, Remedy, Status, holds, unknown
from mailbox_operator.verification.model import Caution

Condition = dict[str, Any]

LONGEST: Final = 1024
"""Characters of a message."""
BREAKING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
SUMMARY: Final = ConditionType.READY


def next_conditions(  # noqa: PLR0913 - what conditions are made of
    previous: Sequence[Condition],
    outcomes: Iterable[Outcome],
    cautions: Iterable[Caution],
    *,
    generation: int,
    now: str,
    working: bool,
    doubted: Outcome | None = None,
    broken: Outcome | None = None,
) -> list[Condition]:
    """Return the conditions in their documented order.

    Args:
        previous: as the status has them; `lastTransitionTime` is kept where a status has not changed.
        outcomes: one for each type of `ALWAYS_PRESENT` but the summary, in that order.
        cautions: warnings, present while they last.
        generation: of the spec that this speaks of.
        now: RFC 3339, the time of a transition.
        working: whether a verification goes on, or waits for its turn, whose outcome may differ.
        doubted: `Reconciling` of a mailbox that was well, while what went wrong is not believed yet.
        broken: `Reconciling` of a mailbox that could not be proven for a fault of ours.
    """
    steps = list(outcomes)
    before = {one["type"]: one for one in previous}
    ready = summary(steps, working=working)
    moving = _moving(steps, ready, working=working) or doubted
    if broken and not (moving and moving.type is ConditionType.STALLED):
        moving = broken
        if ready.reason == Reason.PROGRESSING:
            ready = Outcome(type=SUMMARY, status=Status.FALSE, reason=broken.reason, message=broken.message)
    found = [_condition(one, before, generation=generation, now=now) for one in (*steps, ready)]
    if moving:
        found.append(_condition(moving, before, generation=generation, now=now))
    for caution in cautions:
        warning = holds(ConditionType(caution.type), caution.message, reason=caution.reason)
        found.append(_condition(warning, before, generation=generation, now=now))
    return found


def summary(steps: Sequence[Outcome], *, working: bool) -> Outcome:
    """Return Ready: False with the reason of the first thing wrong, Unknown while something is not known, else True."""
    if any(one.reason == Reason.SUSPENDED for one in steps):
        message = "Nothing is verified or fetched until spec.suspend is false"
        return Outcome(type=SUMMARY, status=Status.FALSE, reason=Reason.SUSPENDED, message=message)
    first = next((one for one in steps if one.status is Status.FALSE), None)
    if first is None:
        first = next((one for one in steps if one.status is Status.UNKNOWN), None)
    if working and not (first and first.remedy is Remedy.PERSON):
        # kstatus and Flux: what is still being worked on is not Ready
        return Outcome(
            type=SUMMARY, status=Status.FALSE, reason=Reason.PROGRESSING, message="The mailbox is being verified"
        )
    if first is None:
        return holds(SUMMARY, "Mail comes in" if _receives_only(steps) else "Mail comes in and goes out")
    open_still = first.status is Status.UNKNOWN and not first.remedy
    status = Status.UNKNOWN if open_still else Status.FALSE
    return Outcome(type=SUMMARY, status=status, reason=first.reason, message=first.message, remedy=first.remedy)


def _receives_only(steps: Sequence[Outcome]) -> bool:
    return any(
        one.type is ConditionType.OUTGOING_AUTHENTICATED and one.reason == Reason.NOT_APPLICABLE for one in steps
    )


def _moving(steps: Sequence[Outcome], ready: Outcome, *, working: bool) -> Outcome | None:
    """Return Stalled or Reconciling (kstatus), whichever holds; never both."""
    if ready.status is Status.TRUE or ready.reason == Reason.SUSPENDED:
        return None
    wrong = [one for one in steps if one.remedy]
    if ready.remedy is Remedy.PERSON or (not working and any(one.remedy is Remedy.PERSON for one in wrong)):
        cause = ready if ready.remedy is Remedy.PERSON else next(one for one in wrong if one.remedy is Remedy.PERSON)
        return holds(ConditionType.STALLED, cause.message, reason=cause.reason)
    if working:
        return holds(ConditionType.RECONCILING, "The mailbox is being verified", reason=Reason.PROGRESSING)
    return retrying(wrong[0]) if wrong else None


def retrying(cause: Outcome) -> Outcome:
    """Return Reconciling where something that may pass is tried again."""
    message = f"It is tried again: {cause.message}"[:1024]
    return holds(ConditionType.RECONCILING, message, reason=Reason.PROGRESSING_WITH_RETRY)


def _condition(outcome: Outcome, before: dict[str, Condition], *, generation: int, now: str) -> Condition:
    earlier = before.get(outcome.type)
    same = earlier is not None and earlier["status"] == outcome.status
    message = _one_line(outcome.message)
    told = (generation, outcome.reason, message)
    if earlier is not None and same and told == (earlier["observedGeneration"], earlier["reason"], earlier["message"]):
        return earlier  # most visits find most as it was
    return {
        "type": str(outcome.type),
        "status": str(outcome.status),
        "observedGeneration": generation,
        "lastTransitionTime": earlier["lastTransitionTime"] if earlier is not None and same else now,
        "reason": str(outcome.reason),
        "message": message,
    }


def _one_line(text: str) -> str:
    """Return a message as it is promised: one line, at most `LONGEST` characters. What is one already stays as it is."""
    if not text.isprintable():
        text = " ".join(BREAKING.sub(" ", text).split())
    return text[:LONGEST]


def carried(previous: Sequence[Condition], kind: ConditionType, *, stalled: bool) -> Outcome:
    """Return what the status says of a step, for a visit that has nothing newer."""
    for one in previous:
        if one["type"] == kind:
            status = Status(one["status"])
            remedy = (Remedy.PERSON if stalled else Remedy.TIME) if status is Status.FALSE else None
            return Outcome(type=kind, status=status, reason=one["reason"], message=one["message"], remedy=remedy)
    return unknown(kind, Reason.PENDING, "Not yet tried")


def carried_cautions(previous: Sequence[Condition]) -> list[Caution]:
    """Return the warnings that the status holds, for a visit that has nothing newer."""
    return [
        Caution(type=one["type"], reason=one["reason"], message=one["message"])
        for one in previous
        if one["type"] in CAUTIONS
    ]


STEPS: Final = tuple(kind for kind in ALWAYS_PRESENT if kind is not SUMMARY)
CAUTIONS: Final = frozenset(PRESENT_WHILE_TRUE) - {ConditionType.RECONCILING, ConditionType.STALLED}
