"""What the API server would say to a manifest, without an API server.

The order is its own: unknown fields alone; then shape and repetitions; then, unless the shape forbids it, the rules.
"""

from functools import cache
from typing import Any, Final

from mailbox_operator.api.conformance import misfits
from mailbox_operator.api.crd import KINDS, schema
from mailbox_operator.api.defaulting import defaulted
from mailbox_operator.api.evaluation import broken_rules
from mailbox_operator.api.meta import API_VERSION, GROUP
from mailbox_operator.api.metadata import bad_name, undecodable
from mailbox_operator.api.structural import Schema
from mailbox_operator.api.uniqueness import repetitions
from mailbox_operator.api.unknown_fields import unknown_fields
from mailbox_operator.api.violation import NO_FIELD, Violation

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
    if garbled := undecodable(manifest.get("metadata")):
        return [garbled]
    if unknown := unknown_fields(manifest, schema=whole):
        return unknown
    judged = defaulted({key: one for key, one in manifest.items() if key != "status"}, schema=whole)
    found = [*bad_name(manifest.get("metadata")), *misfits(judged, schema=whole), *repetitions(judged, schema=whole)]
    if any(violation.blocking for violation in found):
        return [*found, UNCHECKED]
    return [*found, *broken_rules(judged, schema=whole)]
