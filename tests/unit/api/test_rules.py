from typing import Any, Final

import pytest

from mailbox_operator.api.evaluation import broken_rules
from mailbox_operator.api.rules import merged, rules, rules_at_once

TEXT: Final = {"type": "string"}
AT_ONCE: Final = rules_at_once(
    ("kind != 'A' || has(self.one)", "A has one"),
    ("kind == 'A' ? true : !has(self.one)", 'what is no "A" has none'),
    ("!has(self.two)", "two is gone"),
    operands={"kind": "has(self.kind) ? self.kind : ''"},
)
SCHEMA: Final = {"properties": {"kind": TEXT, "one": TEXT, "two": TEXT}} | AT_ONCE


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, []),
        ({"kind": "A", "one": "x"}, []),
        ({"kind": "A"}, ["A has one."]),
        ({"kind": "B", "one": "x"}, ['what is no "A" has none.']),
        ({"kind": "A", "two": "x"}, ["A has one. two is gone."]),
        ({"one": "x", "two": "x"}, ['what is no "A" has none. two is gone.']),
    ],
)
def test_one_rule_tells_of_all_that_are_broken(value: dict[str, str], told: list[str]) -> None:
    found = broken_rules(value, schema=merged(SCHEMA))
    assert [violation.message for violation in found] == [f"Invalid value: {text}" for text in told]


def test_an_operand_is_looked_up_once() -> None:
    (rule,) = merged(SCHEMA)["x-kubernetes-validations"]
    assert rule["rule"].count("has(self.kind)") == 1


def test_rules_are_merged_wherever_they_are() -> None:
    below: dict[str, Any] = {"properties": {"list": {"items": SCHEMA}}}
    assert merged(below) == {"properties": {"list": {"items": merged(SCHEMA)}}}


def test_other_rules_stay_as_they_are() -> None:
    plain = TEXT | rules(("self != ''", "must not be empty"), ("self != 'x'", "must not be x"))
    assert merged(plain) == plain
