"""Whether an object keeps the CEL rules of its schema (`x-kubernetes-validations`), evaluated without an API server."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from cel import Program
from cel import compile as compile_rule

from mailbox_operator.api.rules import RULES
from mailbox_operator.api.structural import Schema
from mailbox_operator.api.violation import Path, Violation, dotted, written


@cache
def program(rule: str) -> Program:
    """Return a rule ready to run; there are as many as the schemas have. Raises ValueError."""
    return compile_rule(rule)


def broken_rules(value: Any, *, schema: Schema, path: Path = ()) -> Iterator[Violation]:
    """Yield what is told of each rule that does not hold. The value fits the schema, defaults filled in."""
    for rule in schema.get(RULES, ()):
        if program(rule["rule"]).execute({"self": value}) is not True:
            given = "" if isinstance(value, list | dict) else f" {written(value)}:"
            yield Violation(path=path, field=dotted(path), message=f"Invalid value:{given} {_message(rule, value)}")
    if isinstance(value, dict):
        for name, own in schema.get("properties", {}).items():
            if name in value:
                yield from broken_rules(value[name], schema=own, path=(*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from broken_rules(one, schema=schema.get("items", {}), path=(*path, index))


def _message(rule: dict[str, str], value: Any) -> str:
    """Return what is told of a rule that does not hold."""
    if "messageExpression" in rule:
        return str(program(rule["messageExpression"]).execute({"self": value})).strip()
    return rule["message"]
