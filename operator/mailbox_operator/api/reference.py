"""The reference pages: a table of all fields of each kind, made from its schema."""

import json
from collections.abc import Iterator
from typing import Final

from mailbox_operator.api.crd import KINDS, Kind, readable_schema
from mailbox_operator.api.meta import API_VERSION
from mailbox_operator.api.rules import RULES
from mailbox_operator.api.structural import Schema

HEAD: Final = "| field | type | default | meaning |\n|---|---|---|---|"


def pages() -> dict[str, str]:
    """Return each kind's page (Markdown) by its file's name."""
    return {f"{kind.name.lower()}.md": render_page(kind) for kind in KINDS}


def render_page(kind: Kind) -> str:
    """Return a kind's page."""
    whole = readable_schema(kind)
    name = whole["properties"]["metadata"]["properties"]["name"]
    scope = "namespaced" if kind.namespaced else "cluster-scoped"
    selectable = ", ".join(f"`{path.removeprefix('.')}`" for path in kind.selectable)
    blocks = [
        "<!-- Generated from operator/mailbox_operator/api/; do not edit: make generate -->",
        f"# {kind.name}",
        f"{whole['description']}",
        f"`{API_VERSION}`, {scope}, short name `{kind.short}`, category `mail`."
        + (f" Field selectors: {selectable}." if selectable else ""),
        *_list("Rules", [f"`metadata.name`: {message}" for message in _limits(name)]),
    ]
    for part in ("spec", "status"):
        blocks += _section(whole["properties"][part], path=part, level=2)
    return "\n\n".join(blocks) + "\n"


def _section(node: Schema, *, path: str, level: int) -> list[str]:
    """Return a heading, the table of the fields that have no section of their own, the rules, and the sections below."""
    required = node.get("required", ())
    sections = {name: one for name, one in node["properties"].items() if level == 2 and _is_large(one)}  # noqa: PLR2004
    rows = [
        row
        for name, one in node["properties"].items()
        for row in _rows(one, path=f"{path}.{name}", required=name in required, deep=name not in sections)
    ]
    blocks = [f"{'#' * level} {path}", str(node["description"]), "\n".join([HEAD, *rows])]
    blocks += _rules(node, path=path, heading=f"Rules of `{path}`", omit=tuple(f"{path}.{name}" for name in sections))
    for name, one in sections.items():
        blocks += _section(one, path=f"{path}.{name}", level=level + 1)
    return blocks


def _is_large(node: Schema) -> bool:
    """Whether an object has so much below it that it gets a section of its own."""
    return len(node.get("properties", ())) > 2  # noqa: PLR2004


def _rows(node: Schema, *, path: str, required: bool, deep: bool) -> Iterator[str]:
    default = "required" if required else _default(node)
    meaning = str(node["description"]).removesuffix(".")
    texts = [meaning, *_limits(node), *(f"each {message}" for message in _limits(node.get("items", {})))]
    yield f"| `{path}` | {_type(node)} | {default} | {_cell('; '.join(texts))} |"
    if not deep:
        return
    below = node.get("items", node)
    suffix = "[]" if "items" in node else ""
    for name, one in below.get("properties", {}).items():
        yield from _rows(one, path=f"{path}{suffix}.{name}", required=name in below.get("required", ()), deep=True)


def _default(node: Schema) -> str:
    """Return a scalar's or a list's default; that of an object stands at its fields."""
    if "default" not in node or isinstance(node["default"], dict):
        return ""
    return f"`{json.dumps(node['default'], ensure_ascii=False)}`".replace('"', "")


def _type(node: Schema) -> str:
    if "enum" in node:
        return _cell(", ".join(f"`{one}`" for one in node["enum"]))
    if "items" in node:
        return f"list (≤ {node['maxItems']}) of {_type(node['items'])}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map (≤ {node['maxProperties']})"
    if node.get("type") == "integer" and "maximum" in node:
        return f"integer {node['minimum']}…{node['maximum']}"
    if node.get("type") == "string" and "maxLength" in node:
        return f"string ≤ {node['maxLength']}"
    return str(node.get("type", "integer or string"))


def _own_rules(node: Schema) -> list[dict[str, str]]:
    found: list[dict[str, str]] = node.get(RULES, [])
    return found


def _limits(node: Schema) -> list[str]:
    """Return the messages of rules on a text, number or map; those of objects with fields are listed below the table."""
    return [] if "properties" in node else [rule["message"] for rule in _own_rules(node)]


def _rules(node: Schema, *, path: str, heading: str, omit: tuple[str, ...] = ()) -> list[str]:
    """Return the messages of the rules on an object and, where they have no section, on the objects below."""
    told = [f"{'' if where == path else f'`{where}`: '}{message}" for where, message in _told(node, path, omit)]
    return _list(heading, told)


def _list(heading: str, lines: list[str]) -> list[str]:
    """Return a list with its heading, nothing where it would be empty."""
    return ["\n".join([f"{heading}:", "", *(f"- {line}" for line in lines)])] if lines else []


def _told(node: Schema, path: str, omit: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if "properties" in node:
        yield from ((path, rule["message"]) for rule in _own_rules(node))
    below = node.get("items", node)
    suffix = "[]" if "items" in node else ""
    for name, one in below.get("properties", {}).items():
        if (where := f"{path}{suffix}.{name}") not in omit:
            yield from _told(one, where, omit)
    if suffix:
        yield from ((path + suffix, rule["message"]) for rule in _own_rules(below) if "properties" in below)


def _cell(text: str) -> str:
    """Return a text as it may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")
