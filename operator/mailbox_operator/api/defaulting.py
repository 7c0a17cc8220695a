"""What the API server adds to an object before it judges it: the schema's defaults, in place of what is absent or null."""

from copy import deepcopy
from typing import Any

from mailbox_operator.api.structural import Schema


def defaulted(value: Any, *, schema: Schema) -> Any:
    """Return a copy with defaults filled in. As on the server, a null without a default counts as absent."""
    if isinstance(value, list):
        return [defaulted(one, schema=schema.get("items", {})) for one in value]
    if not isinstance(value, dict):
        return value
    properties: dict[str, Schema] = schema.get("properties", {})
    below: Schema | None = schema.get("additionalProperties")
    known = {key: properties.get(key, below) for key in value}
    kept = {
        key: one for key, one in value.items() if one is not None or (own := known[key]) is None or "default" in own
    }
    for name, own in properties.items():
        if "default" in own and kept.get(name) is None:
            kept[name] = deepcopy(own["default"])
    return {key: defaulted(one, schema=properties.get(key, below) or {}) for key, one in kept.items()}
