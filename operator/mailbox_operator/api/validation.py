"""What the API server would say to a manifest, without an API server.

The order is its own: unknown fields alone; then shape and repetitions; then, unless the shape forbids it, the rules.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from mailbox_operator.api.conformance import misfits
from mailbox_operator.api.crd import KINDS, schema
from mailbox_operator.api.defaulting import defaulted
from mailbox_operator.api.evaluation import broken_rules
from mailbox_operator.api.meta import API_VERSION, GROUP
from mailbox_operator.api.structural import Schema
from mailbox_operator.api.uniqueness import repetitions
from mailbox_operator.api.violation import NO_FIELD, Path, Violation, dotted, quoted

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
SUBDOMAIN: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
BAD_NAME: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{SUBDOMAIN}')"
)
UNCHECKED: Final = Violation(
    path=(),
    field=NO_FIELD,
    message="Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


@cache
def schemas() -> dict[str, Schema]:
    """Return each kind's structural schema."""
    return {kind.name: schema(kind) for kind in KINDS}


def is_ours(manifest: Any) -> bool:
    """Say whether a manifest is of our group, in whatever version."""
    version = manifest.get("apiVersion") if isinstance(manifest, dict) else None
    return isinstance(version, str) and version.partition("/")[0] == GROUP


def violations(manifest: dict[str, Any]) -> list[Violation]:
    """Return what is wrong with a manifest of our group, nothing when the API server would accept it."""
    kind = str(manifest.get("kind", ""))
    whole = schemas().get(kind)
    if whole is None or manifest.get("apiVersion") != API_VERSION:
        version = manifest.get("apiVersion")
        text = f'no matches for kind "{kind}" in version "{version}"'
        return [Violation(path=("apiVersion",) if whole else ("kind",), field="", message=text)]
    if unknown := [*_unknown_metadata(manifest), *_unknown(manifest, schema=whole, path=())]:
        return unknown
    judged = defaulted({key: one for key, one in manifest.items() if key != "status"}, schema=whole)
    found = [*_bad_name(judged), *misfits(judged, schema=whole), *repetitions(judged, schema=whole)]
    if any(violation.blocking for violation in found):
        return [*found, UNCHECKED]
    return [*found, *broken_rules(judged, schema=whole)]


def _unknown(value: Any, *, schema: Schema, path: Path) -> Iterator[Violation]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unknown(one, schema=schema.get("items", {}), path=(*path, index))
    if not isinstance(value, dict) or path == ("metadata",) or "properties" not in schema:
        return
    for name, one in value.items():
        if name in schema["properties"]:
            yield from _unknown(one, schema=schema["properties"][name], path=(*path, name))
        else:
            yield _unknown_field((*path, name))


def _unknown_metadata(manifest: dict[str, Any]) -> Iterator[Violation]:
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        yield from (_unknown_field(("metadata", name)) for name in metadata if name not in METADATA)


def _unknown_field(path: Path) -> Violation:
    return Violation(path=path, field="", message=f"unknown field {quoted(dotted(path))}")


def _bad_name(manifest: dict[str, Any]) -> Iterator[Violation]:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    place, field = ("metadata", "name"), "metadata.name"
    if not name:
        if not (isinstance(metadata, dict) and metadata.get("generateName")):
            text = "Required value: name or generateName is required"
            yield Violation(path=place, field=field, message=text, blocking=True)
    elif isinstance(name, str) and not re.fullmatch(SUBDOMAIN, name):
        yield Violation(path=place, field=field, message=f"Invalid value: {quoted(name)}: {BAD_NAME}")
