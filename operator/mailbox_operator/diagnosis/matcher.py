"""From evidence to a finding: the rule whose evidence tells most, whatever the order in which things were said."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from mailbox_operator.diagnosis.cleaning import clean
from mailbox_operator.diagnosis.clues import Clues, clues_of
from mailbox_operator.diagnosis.delays import named_delay
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.finding import HEALING, Finding, Retry
from mailbox_operator.diagnosis.likelihood import (
    MOST_CAUSES,
    likeliest,
    likeliest_retry,
    likelihoods,
    likelihoods_with,
)
from mailbox_operator.diagnosis.reasons import Reason, combine, reasons
from mailbox_operator.diagnosis.rules import Rank, Rule, rules_of
from mailbox_operator.diagnosis.structure import APIS, SERVERS, TRANSPORT
from mailbox_operator.diagnosis.words import spelled_out

UNRECOGNISED: Final = "Unrecognised"
TEMPORARY: Final = frozenset({"UNAVAILABLE", "SYS/TEMP"})
"""Response codes that say so."""
AGREED: Final = 0.2
"""How likely a rule's causes must be by all else that is said for its answer to stand alone. Of 257 rules that fitted a reply of rounds 20
to 29, those above it were right in 193 of 197, those below in 40 of 60, and they or the likeliest other in 58."""
CAUSE: Final = re.compile(r"\b(?:caused by|nested exception is|inner exception|root cause)\b:? ?|---> ?", re.IGNORECASE)
"""What a library puts before the cause of a failure."""


def diagnose(evidence: Evidence) -> Finding:
    """Return what the evidence means."""
    clues = clues_of(evidence)
    rule, match = _of_cause(clues) or _of_words(clues) or (None, None)
    said = clean(evidence.text)
    found = {} if rule and _is_certain(rule, clues, said) else likelihoods(clues)
    reason = _reason(rule, found)
    if reason is None:
        return _unrecognised(evidence, clues, found)
    delay = named_delay(evidence, match)
    healing = reason.retry in HEALING
    return Finding(
        reason=reason.name,
        retry=Retry.AFTER if healing and delay is not None else reason.retry,
        meaning=reason.meaning,
        action=reason.action,
        said=said,
        retry_after_seconds=delay,
    )


def _is_certain(rule: Rule, clues: Clues, said: str) -> bool:
    """Say whether nothing can speak against the rule: a vendor's code, the network's faults as our own sessions tell them, and words it was written for."""
    if rule.rank == Rank.VENDOR or clues.areas == TRANSPORT:
        return True
    return any(clean(sample.text) == said for sample in rule.samples)


def _reason(rule: Rule | None, found: Mapping[str, float]) -> Reason | None:
    """Return what the rule tells, together with the likeliest other cause where all else that is said speaks against it; None where none is likely."""
    if rule is None:
        named = [reasons()[cause] for cause in likeliest(found)]
        return combine(named) if named else None
    if not found or sum(found.get(cause, 0.0) for cause in rule.causes) >= AGREED:
        return rule.reason
    others = sorted(found.keys() - rule.causes, key=lambda cause: (-found[cause], cause))[:1]
    heard = likelihoods_with(found, told=rule)
    causes = sorted({*rule.causes, *others}, key=lambda cause: (-heard[cause], cause))[:MOST_CAUSES]
    return combine([rule.reason if cause == rule.reason.name else reasons()[cause] for cause in causes])


def _of_cause(clues: Clues) -> tuple[Rule, re.Match[str] | None] | None:
    """Return what the cause tells that a library names behind its own sentence."""
    *wrapper, cause = CAUSE.split(clues.words)
    found = _of_words(replace(clues, words=cause)) if wrapper and cause else None
    return found if found and found[0].rank <= Rank.VAGUE else None


def _of_words(clues: Clues) -> tuple[Rule, re.Match[str] | None] | None:
    return _first(clues) or _first(replace(clues, words=spelled_out(clues.words)))


def _first(clues: Clues) -> tuple[Rule, re.Match[str] | None] | None:
    if TRANSPORT < clues.areas <= TRANSPORT | SERVERS | APIS and clues.statuses == {
        ""
    }:  # nobody is known to have spoken
        found = _among((rule for rule in rules_of(clues.areas) if rule.rank == Rank.VENDOR), clues)
        found = found or _among((rule for rule in rules_of(TRANSPORT) if rule.rank <= Rank.WORDS), clues)
        if found:
            return found
    # What looks like a reply may be a library's word of the network.
    return _among(rules_of(clues.areas), clues) or _among(rules_of(TRANSPORT), clues)


def _among(those: Iterable[Rule], clues: Clues) -> tuple[Rule, re.Match[str] | None] | None:
    for rule in those:
        if match := rule.find(clues):
            return rule, None if match is True else match
    return None


def _unrecognised(evidence: Evidence, clues: Clues, found: Mapping[str, float]) -> Finding:
    """Return a finding for words of which no cause is likely: all that can be told is whether to try again."""
    return Finding(
        reason=UNRECOGNISED,
        retry=_retry(clues, found, reaching=evidence.step.endswith("Reachable") or evidence.area in TRANSPORT),
        meaning="The server refused in words that are not known here",
        action="Look its words up in the provider's documentation, and check address, port and credentials",
        said=clean(evidence.text),
        retry_after_seconds=named_delay(evidence, None),
    )


def _retry(clues: Clues, found: Mapping[str, float], *, reaching: bool) -> Retry:
    """Return what the status' class tells (4yz of SMTP heals, 5yz does not; a 5xx of HTTP is the server's own fault), else what is likeliest."""
    mail = not clues.areas.isdisjoint({"smtp", "lmtp"})
    if reaching or ("4XX" if mail else "5XX") in clues.statuses or not TEMPORARY.isdisjoint(clues.codes):
        return Retry.BACKOFF
    if "5XX" in clues.statuses:
        return Retry.NO
    return likeliest_retry(found) if found else Retry.LIMITED
