"""A Mailbox's status, whole: put together, and told apart from what is there. Pure."""

from typing import Any, Final

from mailbox_operator.api.mailbox import MailboxSpec
from mailbox_operator.controller.resolve import Door, Resolution
from mailbox_operator.mail.endpoint import in_url

Object = dict[str, Any]

MOVING: Final = frozenset({"lastProbeTime", "nextProbeTime"})
"""Written only along with something else."""


def same_but_for_times(one: Object, other: Object) -> bool:
    """Whether two statuses tell the same."""
    return without(one, MOVING) == without(other, MOVING)


def same_but_for_counters(one: Object, other: Object) -> bool:
    """Whether two statuses differ in the fetcher's counters only, which may wait."""
    had, has = "fetcher" in one, "fetcher" in other
    return had == has and without(one, MOVING | {"fetcher"}) == without(other, MOVING | {"fetcher"})


def without(status: Object, keys: frozenset[str]) -> Object:
    """Return a status without some of its fields."""
    return {key: value for key, value in status.items() if key not in keys}


def resolved(spec: MailboxSpec, chosen: Resolution) -> Object:
    """Return `status.resolved`."""
    found: Object = {
        "incoming": _door(chosen.incoming),
        "username": chosen.login.username,
        "summary": str(chosen.incoming),
        "outgoingSummary": str(chosen.outgoing) if chosen.outgoing else "None",
        "deliverySummary": _sink(spec),
    }
    if chosen.outgoing:
        found["outgoing"] = _door(chosen.outgoing)
    if chosen.provider:
        found["provider"] = chosen.provider
    return found


def _door(door: Door) -> Object:
    found: Object = {
        "protocol": str(door.protocol),
        "host": door.host,
        "port": door.port,
        "security": str(door.security),
        "source": door.source,
    }
    return found | {"url": door.url} if door.url else found


def _sink(spec: MailboxSpec) -> str:
    delivery = spec.delivery
    if delivery is None:
        return "None"
    if delivery.lmtp:
        return f"LMTP {in_url(delivery.lmtp.host)}:{delivery.lmtp.port}"
    if delivery.maildir:
        return f"Maildir {delivery.maildir.claim_name}/{delivery.maildir.path}"
    webhook = delivery.webhook
    if webhook is None:
        return "None"
    if webhook.service_ref:
        return f"Webhook {webhook.service_ref.name}:{webhook.service_ref.port}"
    return f"Webhook {(webhook.url or '').partition('?')[0]}"
