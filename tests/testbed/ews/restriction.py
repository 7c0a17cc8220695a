"""Restrictions of FindItem and FindFolder: the tests that clients make; others are refused by name."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from testbed.ews.soap import NAMES, Element, RefusalError

Values = Mapping[str, Callable[[], str | None]]
"""By FieldURI, or by property tag as `0xe08`: the value as the protocol writes it, or None where there is none."""

ORDER: Final = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}


def holds(test: Element, values: Values) -> bool:
    """Say whether a thing with these values passes. Raises RefusalError."""
    name = str(etree.QName(test).localname)
    if name == "And":
        return all(holds(one, values) for one in test)
    if name == "Or":
        return any(holds(one, values) for one in test)
    if name == "Not":
        return not holds(test[0], values)
    field = _field(test)
    if field not in values:
        raise RefusalError("ErrorUnsupportedPathForQuery", f"no restriction by {field} here")
    value = values[field]()
    if name == "Exists":
        return value is not None
    sought = str(test.find(".//t:Constant", NAMES).get("Value"))  # type: ignore[union-attr]  # the schema says so
    if name == "Contains":
        held = (value or "").lower()
        return held.startswith(sought.lower()) if test.get("ContainmentMode") == "Prefixed" else sought.lower() in held
    if name not in ORDER:
        raise RefusalError("ErrorUnsupportedPathForQuery", f"no {name} here")
    return value is not None and bool(ORDER[name](_comparable(value), _comparable(sought)))


def tag(text: str) -> str:
    """Return a property tag in one spelling."""
    return hex(int(text, 16)) if text.lower().startswith("0x") else hex(int(text))


def _field(test: Element) -> str:
    for one in test:
        kind = etree.QName(one).localname
        if kind == "FieldURI":
            return str(one.get("FieldURI"))
        if kind == "ExtendedFieldURI" and one.get("PropertyTag"):
            return tag(str(one.get("PropertyTag")))
    return etree.tostring(test).decode()[:200]


def _comparable(text: str) -> str:
    """Times in one spelling, numbers in one width, the rest without regard to case."""
    if text.isdecimal():
        return text.zfill(20)
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except ValueError:
        return text.lower()
