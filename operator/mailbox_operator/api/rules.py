"""CEL rules as parts of a schema. Only CEL's own functions are used, so that they hold with and without an API server."""

from typing import Any

Rule = tuple[str, str]
"""An expression about `self` that must be true, and what to tell a person when it is not."""


def rules(*pairs: Rule) -> dict[str, Any]:
    """Return rules with their messages as an extension of a schema."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


def rules_on(path: str, *pairs: Rule) -> dict[str, Any]:
    """Return rules whose failure is told of a field below (`.metadata.name`)."""
    found = [{"rule": rule, "message": message, "fieldPath": path} for rule, message in pairs]
    return {"x-kubernetes-validations": found}


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
