"""From evidence to a finding: the first rule that fits, those of the provider first."""

import re
from collections.abc import Iterator
from typing import Final

from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.finding import Finding, Retry
from mailbox_operator.diagnosis.rules import Rule, rules

UNRECOGNISED: Final = "Unrecognised"
RETRY_AFTER: Final = re.compile(r"(?i)(?:retry|try again) (?:after|in) (\d{1,6}) ?(s|sec|seconds|m|min|minutes)?\b")
MINUTES: Final = ("m", "min", "minutes")
SEEN: Final = 4096
"""Characters of a server's words that are looked at."""

NETWORK_FAULTS: Final = frozenset({"dns", "tcp", "tls", "starttls"})


def diagnose(evidence: Evidence) -> Finding:
    """Return what the evidence means."""
    text = evidence.text
    code = evidence.vendor_code or evidence.enhanced_code or evidence.response_code
    heard = " ".join(part for part in (f"[{code}]" if code and f"[{code}]" not in text else "", text[:SEEN]) if part)
    for rule in _candidates(evidence.area, evidence.provider):
        if found := rule.pattern.search(heard):
            named = found.groupdict().get("ms")
            return Finding(
                reason=rule.reason,
                retry=rule.retry,
                meaning=rule.meaning,
                action=rule.action,
                said=clean(text),
                retry_after_seconds=int(named) / 1000 if named else _named_delay(text),
            )
    return Finding(
        reason=UNRECOGNISED,
        retry=Retry.BACKOFF
        if evidence.area in NETWORK_FAULTS or evidence.step.endswith("Reachable")
        else Retry.LIMITED,
        meaning="The server refused in words that are not known here",
        action="Look its words up in the provider's documentation, and check address, port and credentials",
        said=clean(text),
        retry_after_seconds=_named_delay(text),
    )


def _candidates(area: str, provider: str) -> Iterator[Rule]:
    """Yield the rules for an area: those of the provider, then anybody's, then those of other providers."""
    own = [rule for rule in rules() if rule.area == area]
    yield from (rule for rule in own if rule.provider and rule.provider.lower() == provider.lower())
    yield from (rule for rule in own if not rule.provider)
    if not provider:
        yield from (rule for rule in own if rule.provider)


def _named_delay(text: str) -> float | None:
    found = RETRY_AFTER.search(text[:SEEN])
    if not found:
        return None
    return float(found[1]) * (60 if (found[2] or "").lower() in MINUTES else 1)
