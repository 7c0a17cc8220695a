"""Whether lists that are sets or maps repeat an entry (`x-kubernetes-list-type`)."""

import json
from collections.abc import Iterator
from typing import Any, Final

from mailbox_operator.api.structural import Schema
from mailbox_operator.api.violation import Path, Violation, dotted, written

NO_OBJECT: Final = "must be an object for an array of list-type map"


def repetitions(value: Any, *, schema: Schema, path: Path = ()) -> Iterator[Violation]:
    """Yield each entry of a list that stood there before. Values that do not fit their schema are passed over."""
    if isinstance(value, dict):
        for name, own in schema.get("properties", {}).items():
            if name in value:
                yield from repetitions(value[name], schema=own, path=(*path, name))
    elif isinstance(value, list):
        yield from _repeated(value, schema=schema, path=path)
        for index, one in enumerate(value):
            yield from repetitions(one, schema=schema.get("items", {}), path=(*path, index))


def _repeated(entries: list[Any], *, schema: Schema, path: Path) -> Iterator[Violation]:
    match schema.get("x-kubernetes-list-type"):
        case "set":
            identities = entries
        case "map":
            strangers = (index for index, one in enumerate(entries) if not isinstance(one, dict | None))
            if (index := next(strangers, None)) is not None:
                yield _violation((*path, index), f"Invalid value: {written(entries[index])}: {NO_OBJECT}")
                return
            keys = schema["x-kubernetes-list-map-keys"]
            identities = [
                {key: one[key] for key in keys if key in one} if isinstance(one, dict) else {} for one in entries
            ]
        case _:
            return
    seen: dict[str, int] = {}
    for index, identity in enumerate(identities):
        key = json.dumps(identity, sort_keys=True)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 2:  # noqa: PLR2004 - the server tells of the first repetition only
            yield _violation((*path, index), f"Duplicate value: {written(identity)}")


def _violation(path: Path, message: str) -> Violation:
    return Violation(path=path, field=dotted(path), message=message)
