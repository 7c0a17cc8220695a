"""From pydantic's JSON Schema to the structural OpenAPI v3 schema that a CRD needs (KEP-2335)."""

from typing import Any, Final

Schema = dict[str, Any]

FIRST: Final = ("description", "type", "default", "enum")
"""What a person looks for, before bounds, rules and what is below."""
DROPPED: Final = frozenset({"title", "$defs", "additionalProperties", "propertyNames"})


def structural(schema: Schema) -> Schema:
    """Return a model's JSON Schema without references, unions with null, titles and empty defaults."""
    return _walk(schema, schema.get("$defs", {}))


def _walk(node: Schema, definitions: dict[str, Schema]) -> Schema:
    node = dict(node)
    if "$ref" in node:  # what stands beside a reference (description, default) wins over the model's own
        node = definitions[node.pop("$ref").rpartition("/")[2]] | node
    if "anyOf" in node:  # an optional field: in Kubernetes a field is absent, not null
        (one,) = (choice for choice in node.pop("anyOf") if choice.get("type") != "null")
        return _walk({**one, **{key: value for key, value in node.items() if key != "default"}}, definitions)
    result = _plain(node)
    if isinstance(values := node.get("additionalProperties"), dict):
        result["additionalProperties"] = _walk(values, definitions)
    if isinstance(result.get("properties"), dict):
        required = set(result.get("required", ()))
        result["properties"] = {
            name: _with_default(_walk(one, definitions), always="$ref" in one and name not in required)
            for name, one in result["properties"].items()
        }
    if isinstance(result.get("items"), dict):
        result["items"] = _walk(result["items"], definitions)
    return {key: result[key] for key in FIRST if key in result} | result


def _plain(node: Schema) -> Schema:
    """Return what of a node needs no look at other nodes, in OpenAPI's words."""
    result = {key: value for key, value in node.items() if key not in DROPPED}
    if result.get("default") in ([], {}):  # an empty list or map is simply absent
        del result["default"]
    if "const" in result:
        result["enum"] = [result.pop("const")]
    return result


def _with_default(node: Schema, *, always: bool) -> Schema:
    """Give an object that is always there a default, spelled out: rules are checked on it before defaults below apply."""
    if not always:
        return node
    below = node["properties"].items()
    return node | {"default": {name: one["default"] for name, one in below if "default" in one}}
