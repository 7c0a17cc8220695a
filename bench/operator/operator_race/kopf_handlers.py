"""The operator as one writes it with kopf's handlers: create, update and resume set the status by `patch`, and post an event."""

from datetime import UTC, datetime
from typing import Any, Final

import kopf

CONDITIONS: Final = ("Ready", "SpecValid", "ReferencesResolved", "Reachable", "Authenticated")


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """No peers, no look-out for new CRDs: neither has part in the race."""
    settings.peering.standalone = True
    settings.scanning.disabled = True


@kopf.on.login()
def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """Sign in as the kubeconfig says."""
    return kopf.login_with_kubeconfig(**arguments)


@kopf.on.create("bench.example.org", "v1", "boxes")
@kopf.on.update("bench.example.org", "v1", "boxes")
@kopf.on.resume("bench.example.org", "v1", "boxes")
async def handle(body: kopf.Body, meta: kopf.Meta, patch: kopf.Patch, **_: Any) -> None:
    """Write the status."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    generation = meta["generation"]
    patch.status["observedGeneration"] = generation
    patch.status["conditions"] = [
        {
            "type": name,
            "status": "True",
            "reason": "Ok",
            "message": "ok",
            "lastTransitionTime": now,
            "observedGeneration": generation,
        }
        for name in CONDITIONS
    ]
    kopf.info(body, reason="Ready", message="mailbox ready")
