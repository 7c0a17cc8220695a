"""When a fetcher whose login was refused may sign in once more: it does not knock again by itself. Pure."""

import json
from datetime import datetime
from typing import Any

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.controller.backoff import LOGIN_FIRST, parse_time
from mailbox_operator.controller.outcome import Status
from mailbox_operator.controller.prover import Run
from mailbox_operator.fetcher.progress import Progress, State

Object = dict[str, Any]


def admitted_at(plan: Object | None) -> str:
    """Return what the plan in place, a ConfigMap, says of the last time, as `Plan.admitted_at`; "": never."""
    try:
        found = json.loads(((plan or {}).get("data") or {}).get("plan.json") or "{}").get("admitted_at", "")
        return str(found) if parse_time(found).tzinfo else ""
    except (ValueError, TypeError, AttributeError):
        return ""


def readmits(run: Run | None, progress: Progress | None, *, last: str, now: datetime) -> bool:
    """Whether a run shows that the server takes the very login that it refused the fetcher.

    A server that takes the operator's login and refuses the fetcher's, by where they come from, say, is not to see more
    of the fetcher than of anybody whose login was refused: no more than one an hour, unless somebody asks.

    Args:
        run: a verification that has just ended, if one has.
        progress: what the fetcher tells.
        last: when it was let in again last, as `admitted_at` returns it.
        now: the time.
    """
    if run is None or progress is None or progress.state is not State.LOGIN_REFUSED:
        return False
    login = next((one for one in run.steps if one.type is ConditionType.INCOMING_AUTHENTICATED), None)
    if login is None or login.status is not Status.TRUE:
        return False
    return not last or bool(run.asked.token) or now - parse_time(last) >= LOGIN_FIRST
