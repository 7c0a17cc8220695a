"""The pause that a server asks for, in a header or in its words."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mailbox_operator.diagnosis.evidence import Evidence

NAMED: Final = re.compile(
    r"(?:retry|try(?:ing)?(?: again)?|wait|resume|available|back) ?(?:at least |for |after |in |about )*:? ?(\d{1,7})(?!\.\d) ?"
    r"(ms|millisec\w*|s|secs?|seconds?|m|mins?|minutes?|h|hours?|hrs?)?\b",
    re.IGNORECASE,
)
RETRY_AFTER: Final = re.compile(r"retry-after\W{1,4}(\d{1,7})\b", re.IGNORECASE)
MILLISECONDS: Final = re.compile(r"(?:backoff ?time|BackOffMilliseconds)\W{1,12}(\d{1,9})", re.IGNORECASE)
UNITS: Final = {"ms": 0.001, "mi": 60.0, "m": 60.0, "s": 1.0, "se": 1.0, "h": 3600.0, "ho": 3600.0, "hr": 3600.0}
SEEN: Final = 4096
LONGEST: Final = 86_400.0
"""Seconds; who names more is not believed."""


def named_delay(evidence: Evidence, match: re.Match[str] | None) -> float | None:
    """Return the seconds that the server asks for; None: it names none.

    Args:
        evidence: whose headers and text are looked through.
        match: what a rule found; a group `ms` of it is the pause in milliseconds.
    """
    named = match.groupdict().get("ms") if match else None
    seconds = int(named) / 1000 if named else _of_headers(evidence)
    if seconds is None:
        seconds = _of_text(evidence.text[:SEEN])
    return None if seconds is None else min(seconds, LONGEST)


def _of_headers(evidence: Evidence) -> float | None:
    """Return what `Retry-After` says (RFC 9110 section 10.2.3)."""
    said = dict(evidence.headers).get("retry-after", "").strip()
    if not said:
        return None
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said).astimezone(UTC)
    except (ValueError, OverflowError):  # the last hour of the year 9999, west of Greenwich
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _of_text(text: str) -> float | None:
    if found := MILLISECONDS.search(text):
        return int(found[1]) / 1000
    if found := RETRY_AFTER.search(text):
        return float(found[1])
    if found := NAMED.search(text):
        unit = (found[2] or "s").lower()
        if unit.startswith("millis"):
            return int(found[1]) / 1000
        return float(found[1]) * (UNITS.get(unit[:2]) or UNITS[unit[:1]])
    return None
