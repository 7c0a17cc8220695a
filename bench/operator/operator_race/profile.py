"""What a contestant is given to do: the objects, and how to see that each was handled."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parents[1]
TOP: Final = FOLDER.parents[1]
NAMESPACE: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of object."""

    group: str
    version: str
    kind: str
    plural: str
    crds: tuple[Path, ...]
    spec: Callable[[str], dict[str, Any]]
    """The spec of the object of a name."""
    refresh: Callable[[str], dict[str, Any]]
    """A merge patch with a token, after which an operator must look at an object again."""
    token: Callable[[dict[str, Any]], object]
    """What differs once an operator has done so."""

    @property
    def collection(self) -> str:
        """The path of the objects."""
        return f"/apis/{self.group}/{self.version}/namespaces/{NAMESPACE}/{self.plural}"

    def manifest(self, name: str) -> dict[str, Any]:
        """Return the object of a name."""
        return {
            "apiVersion": f"{self.group}/{self.version}",
            "kind": self.kind,
            "metadata": {"name": name},
            "spec": self.spec(name),
        }


def is_handled(found: dict[str, Any]) -> bool:
    """Tell whether an object's status is of its current generation."""
    return bool(found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"])


BOX: Final = Profile(
    group="bench.example.org",
    version="v1",
    kind="Box",
    plural="boxes",
    crds=(FOLDER / "box-crd.yaml",),
    spec=lambda name: {"address": f"{name}@x.example"},
    refresh=lambda token: {"spec": {"host": f"imap{token}.example"}},
    token=lambda found: found.get("status", {}).get("observedGeneration"),
)
"""The smallest custom resource with a status."""

MAILBOX: Final = Profile(
    group="mailbox-operator.io",
    version="v1alpha1",
    kind="Mailbox",
    plural="mailboxes",
    crds=tuple(sorted((TOP / "crds").glob("*.yaml"))),
    spec=lambda name: {
        "address": f"{name}@x.example",
        "suspend": True,
        "incoming": {"protocol": "IMAP", "host": "imap.x.example"},
        "outgoing": {"protocol": "SMTP", "host": "smtp.x.example"},
        "credentials": {"passwordSecretRef": {"name": f"{name}-password"}},
    },
    refresh=lambda token: {"metadata": {"annotations": {"mailbox-operator.io/reconcile-at": token}}},
    token=lambda found: found.get("status", {}).get("lastHandledReconcileAt"),
)
"""A suspended Mailbox: its whole first status, without a mail server in the race."""
