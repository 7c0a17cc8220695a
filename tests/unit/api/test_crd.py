"""What every field of every kind must have, seen in the schemas."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mailbox_operator.api import crd, reference
from mailbox_operator.api.conformance import misfits
from mailbox_operator.api.crd import KINDS, Kind, readable_schema, schema
from mailbox_operator.api.rules import OPERANDS
from mailbox_operator.api.structural import Schema

TOP: Final = Path(__file__).resolve().parents[3]
FUNCTIONS: Final = {"has", "size", "matches", "all", "map", "startsWith", "contains", "duration"}
"""CEL's own; not Kubernetes' libraries, which no one has offline."""

Node = tuple[str, dict[str, Any]]


def nodes(node: dict[str, Any], path: str = "") -> Iterator[Node]:
    yield path, node
    for name, one in node.get("properties", {}).items():
        yield from nodes(one, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}[]")


def fields(kind: Kind) -> list[Node]:
    whole = schema(kind)["properties"]
    return [pair for part in ("spec", "status") for pair in nodes(whole[part], part)]


ALL: Final = [(f"{kind.name}.{path}", node) for kind in KINDS for path, node in fields(kind)]


@pytest.mark.parametrize(("folder", "files"), [("crds", crd.documents()), ("docs/reference", reference.pages())])
def test_what_is_generated_is_fresh(folder: str, files: dict[str, str]) -> None:
    assert {path.name: path.read_text() for path in (TOP / folder).iterdir()} == files


def test_every_field_has_a_description() -> None:
    assert [path for path, node in ALL if not path.endswith("[]") and not node.get("description")] == []


def test_every_text_list_and_map_has_a_maximum() -> None:
    limits = {"string": ("maxLength", "enum", "format"), "array": ("maxItems",)}
    unbounded = [
        path for path, node in ALL if not any(limit in node for limit in limits.get(node.get("type", ""), node.keys()))
    ]
    maps = [path for path, node in ALL if "additionalProperties" in node and "maxProperties" not in node]
    assert unbounded + maps == []


def test_schemas_are_structural() -> None:
    forbidden = {"$ref", "anyOf", "oneOf", "allOf", "nullable", "title", "const", "propertyNames", OPERANDS}
    assert [path for path, node in ALL if forbidden & node.keys()] == []
    assert [
        path for path, node in ALL if "type" not in node and node.get("x-kubernetes-int-or-string") is not True
    ] == []


def test_lists_say_how_they_are_merged() -> None:
    assert [
        path
        for path, node in ALL
        if node["type" if "type" in node else "x-kubernetes-int-or-string"] == "array"
        and "x-kubernetes-list-type" not in node
        and "scopes[]" not in path
    ] == []


def test_defaults_fit_their_own_schema() -> None:
    defaults = [(path, node) for path, node in ALL if "default" in node and path != "status"]
    assert len(defaults) > 40
    assert [path for path, node in defaults if list(misfits(node["default"], schema=node | {"required": []}))] == []


def rules(schema_of: Callable[[Kind], Schema]) -> Iterator[tuple[str, dict[str, str]]]:
    for kind in KINDS:
        for path, node in nodes(schema_of(kind), kind.name):
            for rule in node.get("x-kubernetes-validations", ()):
                yield path, rule


def test_rules_use_only_functions_of_standard_cel() -> None:
    found = [text for _, rule in rules(schema) for key, text in rule.items() if key != "message"]
    expressions = [re.sub(r"""r'[^']*'|'[^']*'|"[^"]*\"""", "''", text) for text in found]
    called = {name for expression in expressions for name in re.findall(r"(\w+)\(", expression)}
    assert called <= FUNCTIONS
    assert len(expressions) > 80


def test_every_rule_has_a_message_in_one_line() -> None:
    found = list(rules(readable_schema))
    assert len(found) > 80
    assert [path for path, rule in found if not 20 <= len(rule["message"]) <= 200 or "\n" in rule["message"]] == []


def test_a_mailbox_has_a_condition_for_everything_in_the_columns() -> None:
    (mailbox, *_) = KINDS
    names = [name for name, _, _ in mailbox.columns]
    assert names[:7] == ["Address", "Provider", "Incoming", "Ready", "Reason", "Last Message", "Age"]
    assert [name for name, _, priority in mailbox.columns if priority] == ["Message", "Outgoing", "Delivery"]
    known = {f".{path.partition('.')[2]}" for path, _ in ALL if path.startswith("Mailbox.")}
    paths = [path for _, path, _ in mailbox.columns if "[" not in path and not path.startswith(".metadata")]
    assert set(paths) <= known
