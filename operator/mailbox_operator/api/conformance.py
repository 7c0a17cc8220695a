"""Whether an object has the shape that its schema asks for: JSON Schema, with the API server's messages."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from mailbox_operator.api.structural import Schema
from mailbox_operator.api.violation import NO_FIELD, Path, Violation, dotted, quoted, written

Keyword = Callable[[Any, Any, Any, Schema], Iterator[ValidationError]]

BOUNDS: Final = {
    "maximum": "should be less than or equal to {limit}",
    "minimum": "should be greater than or equal to {limit}",
    "minLength": "should be at least {limit} chars long",
    "minItems": "should have at least {limit} items",
    "pattern": "should match '{limit}'",
}


def _pattern(_validator: Any, pattern: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """Match as RE2 does: `$` is the end of the text, not a line's. What is too long is not matched at all."""
    fits = isinstance(value, str) and len(value) <= schema.get("maxLength", len(value))
    if fits and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError("")


def _required(_validator: Any, names: list[str], value: Any, _schema: Schema) -> Iterator[ValidationError]:
    """Tell of a missing field at its own place."""
    if isinstance(value, dict):
        yield from (ValidationError("", path=(name,)) for name in names if name not in value)


KEYWORDS: Final[dict[str, Keyword]] = {"pattern": _pattern, "required": _required}
Validator: Final = extend(Draft202012Validator, KEYWORDS)  # type: ignore[no-untyped-call]  # jsonschema has no types there


def misfits(value: Any, *, schema: Schema) -> Iterator[Violation]:
    """Yield what does not fit the schema."""
    for error in Validator(_with_types(schema)).iter_errors(value):
        keyword, limit, path = str(error.validator), error.validator_value, tuple(error.absolute_path)
        yield _violation(keyword, limit=limit, value=error.instance, path=path)
        if keyword == "type" and limit == "integer" and isinstance(error.instance, float):
            text = f'Invalid value: "": Checked value must be of type integer (default format) in {dotted(path)}'
            yield Violation(path=path, field=NO_FIELD, message=text)


def _with_types(schema: Schema) -> Schema:
    """Say in JSON Schema's words what int-or-string means."""
    result = {
        key: _with_types(one) if isinstance(one, dict) and key != "default" else one for key, one in schema.items()
    }
    return result | {"type": ["integer", "string"]} if schema.get("x-kubernetes-int-or-string") is True else result


def _violation(keyword: str, *, limit: Any, value: Any, path: Path) -> Violation:
    """Say what a keyword of the schema found. The texts are those of k8s.io/kube-openapi and field.Error."""
    field = dotted(path)
    match keyword:
        case "required":
            message = "Required value"
        case "type":
            expected = limit if isinstance(limit, str) else ",".join(limit)
            found = quoted(type_name(value))
            message = f"Invalid value: {found}: {field} in body must be of type {expected}: {found}"
        case "enum":
            message = (
                f"Unsupported value: {written(value)}: supported values: {', '.join(quoted(one) for one in limit)}"
            )
        case "maxLength":
            message = f"Too long: may not be more than {limit} bytes"
        case "maxItems" | "maxProperties":
            message = f"Too many: {len(value)}: must have at most {limit} items"
        case _:
            given = written(len(value) if keyword == "minItems" else value)
            message = f"Invalid value: {given}: {field} in body {BOUNDS[keyword].format(limit=limit)}"
    return Violation(path=path, field=field, message=message, blocking=keyword not in BOUNDS)


def type_name(value: Any) -> str:
    """Return JSON's name of a value's type."""
    if value is None:
        return "null"
    names = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "object")
