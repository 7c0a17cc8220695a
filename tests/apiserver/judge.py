"""The API server's judgement of a manifest, by a dry run with strict decoding, as kubectl asks for it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kubernetes import config
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException

from mailbox_operator.api.crd import KINDS
from mailbox_operator.api.meta import GROUP, VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A connection to an API server."""

    objects: CustomObjectsApi

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """Connect by a kubeconfig file."""
        client = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]  # it has no types
        return cls(objects=CustomObjectsApi(client))

    def complaints(self, manifest: dict[str, Any]) -> list[str]:
        """Return the lines of a refusal, sorted; nothing when the manifest would be accepted."""
        kind = next(kind for kind in KINDS if kind.name == manifest["kind"])
        try:
            if kind.namespaced:
                self.objects.create_namespaced_custom_object(
                    GROUP, VERSION, "default", kind.plural, manifest, dry_run="All", field_validation="Strict"
                )
            else:
                self.objects.create_cluster_custom_object(
                    GROUP, VERSION, kind.plural, manifest, dry_run="All", field_validation="Strict"
                )
        except ApiException as error:
            return sorted(_lines(json.loads(error.body or "{}")))
        return []


def _lines(status: dict[str, Any]) -> list[str]:
    """Return what a Status (metav1) complains of, line by line."""
    if causes := (status.get("details") or {}).get("causes"):
        return [f"{cause['field']}: {cause['message']}" for cause in causes]
    text = re.sub(r"^.* cannot be handled as an? \w+: ", "", status["message"])
    return text.removeprefix("strict decoding error: ").split(", ")
