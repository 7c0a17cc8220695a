import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbox_operator.api.crd import KINDS, readable_schema
from mailbox_operator.api.defaulting import defaulted
from mailbox_operator.api.meta import API_VERSION
from mailbox_operator.api.validation import is_ours, schemas, violations
from mailbox_operator.api.violation import dotted, quoted
from mailbox_operator.cli.manifest_files import manifest_files, read_documents

TOP: Final = Path(__file__).resolve().parents[3]
INVALID: Final = sorted((TOP / "tests/data/manifests/invalid").glob("*.yaml"))

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=10), below, max_size=3),
    max_leaves=10,
)


def shaped(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that look like a schema's, with strange ones among them."""
    if "properties" in schema:
        below = {name: shaped(one) for name, one in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=below) | JSON
    if "items" in schema:
        return st.lists(shaped(schema["items"]), max_size=3) | JSON
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | JSON
    return JSON


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_a_bad_manifest_is_refused_with_the_servers_words(path: Path) -> None:
    (document,) = read_documents(str(path))
    said = "\n".join(sorted(violation.text for violation in violations(document.value))) + "\n"
    assert said == path.with_suffix(".txt").read_text()


def test_there_is_a_golden_refusal_for_each_bad_manifest_and_no_other() -> None:
    assert len(INVALID) >= 60
    texts = sorted((TOP / "tests/data/manifests/invalid").glob("*.txt"))
    assert [path.stem for path in texts] == [path.stem for path in INVALID]


def test_every_message_of_a_rule_is_provoked_by_a_bad_manifest() -> None:
    said = "".join(path.with_suffix(".txt").read_text() for path in INVALID)
    messages = {rule["message"] for kind in KINDS for rule in _rules(readable_schema(kind))}
    assert sorted(message for message in messages if message not in said) == []


def _rules(node: dict[str, Any]) -> list[dict[str, str]]:
    found = list(node.get("x-kubernetes-validations", ()))
    for one in [*node.get("properties", {}).values(), node.get("items", {})]:
        found += _rules(one) if one else []
    return found


@pytest.mark.parametrize("file", list(manifest_files((str(TOP / "examples"),))), ids=lambda file: file[len(str(TOP)) :])
def test_an_example_is_valid(file: str) -> None:
    ours = [document for document in read_documents(file) if is_ours(document.value)]
    assert [violation.text for document in ours for violation in violations(document.value)] == []


@given(st.data())
def test_whatever_stands_in_a_manifest_is_judged(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS)).name
    spec = data.draw(shaped(schemas()[kind]["properties"]["spec"]))
    manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": data.draw(JSON), "spec": spec}
    before = json.dumps(manifest)
    for violation in violations(manifest):
        assert violation.text == violation.text.strip()
        assert violation.message
    assert json.dumps(manifest) == before


@given(JSON)
def test_defaults_are_filled_in_once(value: Any) -> None:
    schema = schemas()["Mailbox"]
    once = defaulted({"spec": value}, schema=schema)
    assert defaulted(once, schema=schema) == once


def test_another_version_has_no_such_kind() -> None:
    (violation,) = violations({"apiVersion": "mailbox-operator.io/v1", "kind": "Mailbox"})
    assert violation.text == 'no matches for kind "Mailbox" in version "mailbox-operator.io/v1"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x00\n\x7f", '"\\x00\\n\\x7f"'),
        ("日本 é", '"日本 é"'),
        ("\u202e\U000e0001", '"\\u202e\\U000e0001"'),
    ],
)
def test_a_text_is_quoted_as_go_quotes_it(text: str, expected: str) -> None:
    assert quoted(text) == expected


def test_a_path_is_written_as_the_server_writes_it() -> None:
    assert dotted(("spec", "fetch", "folders", "include", 0)) == "spec.fetch.folders.include[0]"
