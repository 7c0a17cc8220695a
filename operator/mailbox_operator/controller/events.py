"""Events: few, for people, one when a thing changes (events.k8s.io/v1)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailbox_operator.api.conditions import ConditionType
from mailbox_operator.api.meta import API_VERSION
from mailbox_operator.api.reasons import Reason
from mailbox_operator.fetcher.quarantine import LIMIT

Object = dict[str, Any]
LONGEST_NOTE: Final = 1024
"""Octets: the API server refuses a longer one."""
QUIET: Final = frozenset({Reason.PROGRESSING, Reason.PENDING, Reason.SUSPENDED, Reason.FETCHER_STARTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something to tell."""

    warning: bool
    reason: str
    action: str
    note: str


def transitions(before: Sequence[Object], after: Sequence[Object]) -> list[Happening]:
    """Return what has turned between two lists of conditions. Pure."""
    old = {one["type"]: one for one in before}
    ready = next((one for one in after if one["type"] == ConditionType.READY), None)
    if ready and ready["reason"] == Reason.SUSPENDED:
        return []  # nobody waits for it
    found = []
    for one in after:
        was = old.get(one["type"])
        if one["reason"] == Reason.INTERNAL_ERROR and one["type"] == ConditionType.RECONCILING:
            if was is None or was["reason"] != one["reason"]:
                found.append(Happening(warning=True, reason=one["reason"], action="Verify", note=one["message"]))
            continue
        if one["type"] == ConditionType.READY or one["status"] != "False" or one["reason"] in QUIET:
            continue
        if was is None or (was["status"], was["reason"]) != (one["status"], one["reason"]):
            note = f"{one['type']}: {one['message']}"
            found.append(Happening(warning=True, reason=one["reason"], action="Verify", note=note))
    was_ready = old.get(ConditionType.READY)
    if recovery := _recovery(before, after):
        found.append(recovery)
    elif ready and ready["status"] == "True" and (was_ready is None or was_ready["status"] != "True"):
        found.append(Happening(warning=False, reason="Verified", action="Verify", note=ready["message"]))
    return found


def _recovery(before: Sequence[Object], after: Sequence[Object]) -> Happening | None:
    """Return that all that had failed holds, in the words of what holds; its fetcher may still have to start."""
    failed, fails = _failed(before), _failed(after)
    mended = [one for one in after if one["type"] in failed and one["status"] == "True"]
    if not failed or fails or len(mended) < len(failed):
        return None
    note = "; ".join(f"{one['type']}: {one['message']}" for one in mended)
    return Happening(warning=False, reason="Recovered", action="Verify", note=note)


def _failed(conditions: Sequence[Object]) -> frozenset[str]:
    steps = (one for one in conditions if one["type"] != ConditionType.READY)
    return frozenset(one["type"] for one in steps if one["status"] == "False" and one["reason"] not in QUIET)


def quarantined(before: Object, after: Object, *, last: str) -> list[Happening]:
    """Return what to tell where more messages are in quarantine than before; `last` names the youngest. Pure."""
    count = [((status.get("fetcher") or {}).get("quarantined") or 0) for status in (before, after)]
    if count[1] <= count[0]:
        return []
    many = f"{count[1]} by now" + (f", of which the last {LIMIT} are listed" if count[1] > LIMIT else "")
    note = f"A message was given up and left on the server ({many}): {last}"
    return [Happening(warning=True, reason="MessageQuarantined", action="Deliver", note=note)]


def render_event(happening: Happening, regarding: Object, *, kind: str, now: datetime, pod: str) -> Object:
    """Return the event's manifest. Pure but for its name."""
    metadata = regarding["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": "mailbox-operator.io/operator",
        "reportingInstance": pod,
        "action": happening.action,
        "reason": happening.reason,
        "type": "Warning" if happening.warning else "Normal",
        "note": happening.note.encode()[:LONGEST_NOTE].decode("utf-8", "ignore"),
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": kind,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
    }


def render_series(*, count: int, last: datetime) -> Object:
    """Return what of an event changes when it happens again. Pure."""
    return {"series": {"count": count, "lastObservedTime": last.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
