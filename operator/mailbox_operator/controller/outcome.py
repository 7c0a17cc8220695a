"""What became of one condition's step, before it is a condition."""

from dataclasses import dataclass
from enum import StrEnum

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.reasons import Reason


class Status(StrEnum):
    """A condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Remedy(StrEnum):
    """Who can mend what is not True."""

    PERSON = "Person"
    """Something must be changed: Stalled."""
    TIME = "Time"
    """It may heal by itself: Reconciling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A step's result."""

    type: ConditionType
    status: Status
    reason: str
    message: str
    remedy: Remedy | None = None
    """Of what is not True."""


def holds(kind: ConditionType, message: str, *, reason: str = Reason.SUCCEEDED) -> Outcome:
    """Return that a step holds."""
    return Outcome(type=kind, status=Status.TRUE, reason=reason, message=message)


def fails(kind: ConditionType, reason: str, message: str, *, remedy: Remedy = Remedy.PERSON) -> Outcome:
    """Return that a step fails."""
    return Outcome(type=kind, status=Status.FALSE, reason=reason, message=message[:1024], remedy=remedy)


def unknown(kind: ConditionType, reason: str, message: str, *, remedy: Remedy | None = None) -> Outcome:
    """Return that a step was not tried, or not yet."""
    return Outcome(type=kind, status=Status.UNKNOWN, reason=reason, message=message, remedy=remedy)


def blocked(kind: ConditionType) -> Outcome:
    """Return that a step was not tried because an earlier one has failed."""
    return unknown(kind, Reason.BLOCKED_BY_EARLIER_STEP, "Not tried: an earlier step has failed")
