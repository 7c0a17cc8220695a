"""CEL rules as parts of a schema. Only CEL's own functions are used, so that they hold with and without an API server.

The API server evaluates all rules of an object at every write, of its status too. For each `self.x` it copies the
schemas of all fields of `self`, twice: 7 µs among a Mailbox's spec's 18. Another 2 µs go into each rule as such.
Objects with several rules, or many fields, therefore have theirs judged at once.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

AS_ONE: Final[dict[str, Any]] = {"x-kubernetes-map-type": "atomic"}
"""Of an object that says one thing: whoever applies it (server-side apply) owns it whole, so that nothing is left of what
another manager wrote into it. The API server has less to note for each object: 8 % of its CPU for a new Mailbox and its first status.
"""
Rule = tuple[str, str]
"""An expression about `self` that must be true, and what to tell a person when it is not."""

RULES: Final = "x-kubernetes-validations"
OPERANDS: Final = "x-operands"
"""In a schema that is not merged yet: the object's rules are judged at once, with these names for parts of it."""


def rules(*pairs: Rule) -> dict[str, Any]:
    """Return rules with their messages as an extension of a schema."""
    return {RULES: [{"rule": rule, "message": message} for rule, message in pairs]}


def rules_at_once(*pairs: Rule, operands: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return rules that the API server judges as one, which tells of all that are broken.

    Operands are names that the rules use for parts of `self`, each with the expression that is evaluated for it once.
    """
    return rules(*pairs) | {OPERANDS: dict(operands or {})}


def merged(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which one rule stands for those that are judged at once, as the API server takes it."""
    result = {key: one for key, one in schema.items() if key != OPERANDS}
    if OPERANDS in schema:
        result[RULES] = [_one_rule(schema[RULES], schema[OPERANDS])]
    if "properties" in schema:
        result["properties"] = {name: merged(one) for name, one in schema["properties"].items()}
    if "items" in schema:
        result["items"] = merged(schema["items"])
    return result


def _one_rule(found: list[dict[str, str]], operands: Mapping[str, str]) -> dict[str, str]:
    """Return one rule for several. An operand is bound as the only element of a list: CEL has no other way."""
    holds = " && ".join(f"({one['rule']})" for one in found)
    told = " + ".join(
        f"(({one['rule']}) ? '' : {json.dumps(one['message'] + '. ', ensure_ascii=False)})" for one in found
    )
    for name, expression in operands.items():
        holds = f"[{expression}].all({name}, {holds})"
        told = f"[{expression}].map({name}, {told})[0]"
    return {"rule": holds, "messageExpression": told}


def exactly_one(*names: str, what: str) -> Rule:
    """Return the rule that exactly one of some fields is set."""
    count = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in names)
    listed = ", ".join(names[:-1]) + " or " + names[-1]
    return f"({count}) == 1", f"exactly one of {listed} must be set: {what}"


def at_most_one(first: str, second: str, *, what: str) -> Rule:
    """Return the rule that two fields exclude each other."""
    return f"!(has(self.{first}) && has(self.{second}))", f"{first} and {second} exclude each other: {what}"


def together(field: str, *, when: str, what: str) -> Rule:
    """Return the rule that a field is set exactly while a condition on others holds."""
    return f"({when}) == has(self.{field})", what
