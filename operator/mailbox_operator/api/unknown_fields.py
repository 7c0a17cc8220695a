"""Fields that a schema does not know: strict decoding, as the API server does it for kubectl."""

from collections.abc import Iterator
from typing import Any, Final

from mailbox_operator.api.structural import Schema
from mailbox_operator.api.violation import Path, Violation, dotted, quoted

METADATA: Final = frozenset(
    {
        "annotations",
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "labels",
        "managedFields",
        "name",
        "namespace",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""metav1.ObjectMeta."""


def unknown_fields(manifest: dict[str, Any], *, schema: Schema) -> list[Violation]:
    """Return the fields that neither the schema nor metav1.ObjectMeta has."""
    metadata = manifest.get("metadata")
    strangers = [("metadata", name) for name in metadata if name not in METADATA] if isinstance(metadata, dict) else []
    rest = {name: one for name, one in manifest.items() if name != "metadata"}
    return [
        Violation(path=path, field="", message=f"unknown field {quoted(dotted(path))}")
        for path in (*strangers, *_unknown(rest, schema=schema, path=()))
    ]


def _unknown(value: Any, *, schema: Schema, path: Path) -> Iterator[Path]:
    """Yield the paths of unknown fields. Where the schema has a scalar or a list, every field of an object is unknown."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unknown(one, schema=schema.get("items", {}), path=(*path, index))
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    for name, one in value.items():
        own = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if own is None:
            yield (*path, name)
        else:
            yield from _unknown(one, schema=own, path=(*path, name))
