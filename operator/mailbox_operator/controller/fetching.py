"""What a fetcher's Deployment and its progress say of the last two steps. Pure."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.meta import MAILBOX_LABEL
from mailbox_operator.api.reasons import Reason
from mailbox_operator.controller.backoff import parse_time
from mailbox_operator.controller.outcome import Outcome, Remedy, blocked, fails, holds, unknown
from mailbox_operator.controller.store import PROGRESS
from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.fetcher.progress import Progress, ResetReason, State
from mailbox_operator.verification.model import Caution

Object = dict[str, Any]

AVAILABLE: Final = ConditionType.FETCHER_AVAILABLE
DELIVERING: Final = ConditionType.DELIVERING
LOST: Final = ConditionType.CHECKPOINT_LOST
RESET: Final = ConditionType.FOLDER_RESET
REPEATING: Final = frozenset({LOST, RESET})
"""What is told of a fetcher that reads again what it has read."""
TOLD_FOR: Final = timedelta(days=1)
RESETS: Final = {
    ResetReason.RENUMBERED: "the mail server has renumbered it (UIDVALIDITY)",
    ResetReason.WENT_BACK: "the mail server gives UIDs a second time (UIDNEXT went back), as after a backup was restored",
    ResetReason.PLACE_LOST: "the server knows the fetcher's place in it no longer",
}
REASON: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
LARGEST: Final = (1 << 53) - 1
"""Above, JSON numbers are not exact everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """A fetcher as the watches show it."""

    wanted: bool
    """Whether the Mailbox has a sink."""
    suspended: bool
    incoming_holds: bool
    login_refused: bool
    refusal: str
    """What the API server said when it refused to have the fetcher, or ""."""
    deployment: Object | None
    progress: Progress | None


def read_progress(checkpoint: Object | None) -> Progress | None:
    """Return the progress in a checkpoint's ConfigMap, or None: nothing was heard yet, or nothing that can be read.

    Whoever may write that ConfigMap may write anything; what a status could not hold is not read.
    """
    text = ((checkpoint or {}).get("data") or {}).get(PROGRESS)
    if not text:
        return None
    try:
        found = Progress.from_json(text)
        return found if _fits(asdict(found)) else None
    except (ValueError, TypeError):
        return None


def _fits(told: Object) -> bool:
    """Whether a status can hold all of a progress. Raises ValueError: a time is none."""
    for time in (told["last_message_time"], told["rescan_time"], told["reset_time"]):
        if time is not None:
            if not (isinstance(time, str) and TIME.fullmatch(time)):
                return False
            parse_time(time)
    counts = (told["messages_delivered"], told["pending"], told["quarantined"])
    texts = (told["reason"], told["message"], told["last_quarantined"], told["reset_folder"], told["reset_reason"])
    return (
        all(type(one) is int and 0 <= one <= LARGEST for one in counts)
        and all(isinstance(one, str) for one in texts)
        and bool(not told["reason"] or REASON.fullmatch(told["reason"]))
    )


def fetching_outcomes(seen: Fetching) -> tuple[Outcome, Outcome]:
    """Return FetcherAvailable and Delivering."""
    if not seen.wanted:
        message = "No delivery is asked for: the mailbox is verified and watched"
        return holds(AVAILABLE, message, reason=Reason.NOT_APPLICABLE), holds(
            DELIVERING, message, reason=Reason.NOT_APPLICABLE
        )
    if seen.suspended:
        return unknown(AVAILABLE, Reason.SUSPENDED, "Suspended by spec.suspend"), unknown(
            DELIVERING, Reason.SUSPENDED, "Suspended by spec.suspend"
        )
    if seen.login_refused:
        message = "The fetcher rests while the login is refused"
        return unknown(AVAILABLE, Reason.FETCHER_STOPPED, message), blocked(DELIVERING)
    if seen.refusal:
        message = f"The API server refuses the fetcher: {seen.refusal}: permit it, or change spec.fetcher"
        return fails(AVAILABLE, Reason.FETCHER_REFUSED, message, remedy=Remedy.TIME), _delivering(seen.progress)
    if seen.deployment is None and not seen.incoming_holds:
        return blocked(AVAILABLE), blocked(DELIVERING)
    available = _available(seen.deployment, seen.progress)
    return available, _delivering(seen.progress)


def _available(deployment: Object | None, progress: Progress | None) -> Outcome:
    status = (deployment or {}).get("status") or {}
    if deployment and (trouble := _trouble(status)):
        name = (deployment["metadata"].get("labels") or {}).get(MAILBOX_LABEL, "")
        remedy = f"kubectl describe pod -l {MAILBOX_LABEL}={name} tells why"
        message = f"The fetcher does not start: {trouble['message'].rstrip('.')}: {remedy}"
        return fails(AVAILABLE, trouble["reason"], message, remedy=Remedy.TIME)
    current = deployment is not None and status.get("observedGeneration") == deployment["metadata"].get("generation")
    if not (current and status.get("availableReplicas") and progress):
        return unknown(AVAILABLE, Reason.FETCHER_STARTING, "The fetcher is starting", remedy=Remedy.TIME)
    if progress.state is State.SOURCE_FAILING:
        return fails(AVAILABLE, progress.reason, progress.message, remedy=Remedy.TIME)
    return holds(AVAILABLE, "The fetcher runs and reports")


def _trouble(status: Object) -> Object | None:
    """Return the Deployment's own condition that says why there is no pod."""
    for one in status.get("conditions") or ():
        if (one["type"], one["status"]) in {("Progressing", "False"), ("ReplicaFailure", "True")}:
            return dict(one)
    return None


def _delivering(progress: Progress | None) -> Outcome:
    match progress.state if progress else State.STARTING:
        case State.STARTING:
            return unknown(DELIVERING, Reason.FETCHER_STARTING, "The fetcher has not signed in yet", remedy=Remedy.TIME)
        case State.LOGIN_REFUSED:
            message = "The server refused the fetcher's login: it signs in again once the server takes the operator's"
            return unknown(DELIVERING, Reason.FETCHER_STARTING, message, remedy=Remedy.TIME)
        case State.SINK_FAILING:
            assert progress  # noqa: S101 - its state was read
            return fails(DELIVERING, progress.reason or Reason.SINK_FAILING, progress.message, remedy=Remedy.TIME)
        case State.SINK_GONE:
            assert progress  # noqa: S101 - its state was read
            return fails(DELIVERING, progress.reason or Reason.SINK_GONE, progress.message)
        case State.DELIVERING:
            return holds(DELIVERING, "The sink accepts what is fetched")
        case State.IDLE | State.SOURCE_FAILING:
            return holds(DELIVERING, "Nothing waits to be handed over", reason=Reason.IDLE)


def fetching_cautions(progress: Progress | None, *, now: datetime) -> list[Caution]:
    """Return what should be known of a fetcher that does its work."""
    found = []
    if progress and _is_recent(progress.rescan_time, now=now):
        message = (
            "The fetcher's checkpoint was lost: the mailbox was read again as far back as spec.fetch.since, and what may have "
            "been handed over before carries the attribute mayrepeat: let the receiver go by the events' ids"
        )
        found.append(Caution(type=LOST, reason=LOST, message=message))
    if progress and progress.reset_reason in RESETS and _is_recent(progress.reset_time, now=now):
        reason = ResetReason(progress.reset_reason)
        message = (
            f"The folder {clean(progress.reset_folder)} was read again as far back as spec.fetch.since, since {RESETS[reason]}: "
            "what may have been handed over before carries the attribute mayrepeat: let the receiver compare Message-IDs"
        )
        found.append(Caution(type=RESET, reason=reason, message=message))
    return found


def _is_recent(time: str | None, *, now: datetime) -> bool:
    return time is not None and now - parse_time(time) <= TOLD_FOR


def fetcher_status(deployment: Object | None, progress: Progress | None) -> Object | None:
    """Return `status.fetcher`, or None: there is no fetcher."""
    if deployment is None:
        return None
    found: Object = {"deployment": deployment["metadata"]["name"]}
    if progress:
        found |= {
            "messagesDelivered": progress.messages_delivered,
            "pending": progress.pending,
            "quarantined": progress.quarantined,
        }
        if progress.last_message_time:
            found["lastMessageTime"] = progress.last_message_time
        if progress.message:
            found["lastError"] = progress.message
    return found
