"""What the API server says to an object's metadata, which no schema of ours describes."""

import re
from typing import Any, Final

from mailbox_operator.api.conformance import type_name
from mailbox_operator.api.violation import Violation, quoted

TEXTS: Final = ("name", "generateName", "namespace")
MAPS: Final = ("labels", "annotations")
SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
BAD_NAME: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
MAX_NAME: Final = 253
"""Octets."""
GO_TYPES: Final = {"boolean": "bool", "integer": "number"}
"""How Go's decoder calls JSON's types, where it calls them otherwise."""


def undecodable(metadata: Any) -> Violation | None:
    """Return the first field of metadata that cannot be decoded at all: the server then looks no further."""
    if not isinstance(metadata, dict):
        return None
    for field in TEXTS:
        if not isinstance(metadata.get(field), str | None):
            return _undecodable(field, value=metadata[field], wanted="string")
    for field in MAPS:
        value = metadata.get(field)
        if not isinstance(value, dict | None):
            return _undecodable(field, value=value, wanted="map[string]string")
        for one in (value or {}).values():
            if not isinstance(one, str | None):
                return _undecodable(field, value=one, wanted="string")
    return None


def _undecodable(field: str, *, value: Any, wanted: str) -> Violation:
    found = GO_TYPES.get(type_name(value), type_name(value))
    text = f"json: cannot unmarshal {found} into Go struct field ObjectMeta.{field} of type {wanted}"
    return Violation(path=("metadata", field), field="", message=text)


def bad_name(metadata: Any) -> list[Violation]:
    """Return what is wrong with the object's name."""
    known = metadata if isinstance(metadata, dict) else {}
    name, place, field = known.get("name"), ("metadata", "name"), "metadata.name"
    if not name:
        missing = "Required value: name or generateName is required"
        given = known.get("generateName")
        return [] if given else [Violation(path=place, field=field, message=missing, blocking=True)]
    wrong = [f"must be no more than {MAX_NAME} characters"] if len(name.encode()) > MAX_NAME else []
    wrong += [] if re.fullmatch(SUBDOMAIN, name) else [BAD_NAME]
    return [Violation(path=place, field=field, message=f"Invalid value: {quoted(name)}: {text}") for text in wrong]
