"""Visits of MailProviders and OAuthApps: what they are good for today, and how many Mailboxes refer to them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailbox_operator.controller.backoff import rfc3339
from mailbox_operator.controller.client import Client
from mailbox_operator.controller.index import ReverseIndex
from mailbox_operator.controller.kinds import OAUTH_APP, PROVIDER, Key
from mailbox_operator.controller.metrics import STATUS_WRITES
from mailbox_operator.controller.store import Store, differs

Object = dict[str, Any]

LATER: Final = "This version does not do OAuth yet: use credentials.passwordSecretRef, or wait for a later version"
PROVIDER_CONDITIONS: Final = (
    ("SpecValid", "True", "Succeeded", "The spec is valid"),
    (
        "Reachable",
        "Unknown",
        "NotImplemented",
        "This version does not probe providers: each Mailbox is proven by itself",
    ),
    ("Ready", "True", "Succeeded", "Mailboxes may refer to it"),
)
APP_CONDITIONS: Final = (
    ("SpecValid", "True", "Succeeded", "The spec is valid"),
    ("Ready", "False", "NotImplemented", LATER),
    ("Stalled", "True", "NotImplemented", LATER),
)


@dataclass(slots=True, kw_only=True)
class PresetReconciler:
    """Visits them. `reconcile` raises ApiError."""

    client: Client
    store: Store
    index: ReverseIndex
    clock: Callable[[], datetime]

    async def reconcile(self, key: Key) -> None:
        """Write the status of one of them, where it differs."""
        obj = self.store.get(key)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            return
        kind = PROVIDER if key.kind == PROVIDER.name else OAUTH_APP
        facts = PROVIDER_CONDITIONS if kind is PROVIDER else APP_CONDITIONS
        before: Object = obj.get("status") or {}
        earlier = {one["type"]: one for one in before.get("conditions") or ()}
        generation, now = obj["metadata"]["generation"], rfc3339(self.clock())
        conditions = [
            {
                "type": name,
                "status": status,
                "observedGeneration": generation,
                "lastTransitionTime": earlier[name]["lastTransitionTime"]
                if name in earlier and earlier[name]["status"] == status
                else now,
                "reason": reason,
                "message": message,
            }
            for name, status, reason, message in facts
        ]
        status = {
            "observedGeneration": generation,
            "conditions": conditions,
            "mailboxes": len(self.index.referrers(key)),
        }
        if status == before:
            return
        with self.store.writing(key, status):  # else the watch, where it is faster, would wake each of these Mailboxes
            metadata = await self.client.apply_status(
                kind, namespace=key.namespace or None, name=key.name, status=status
            )
        STATUS_WRITES.labels(kind.name).inc()
        written = obj | {"metadata": metadata, "status": status}
        if not differs(obj, written):  # else it was changed meanwhile, and the watch brings it whole, as news
            self.store.put(kind.name, written)
