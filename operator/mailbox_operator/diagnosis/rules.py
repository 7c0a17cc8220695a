"""The rules as data: what must be seen, and which reason it then has.

A rule in `data/` names what it asks for; all of it must hold:

    areas: whose words (`imap`, `smtp`, `tls` …)
    provider: whose server, one or several of `providers.yaml`
    vendor: codes of one vendor or API, one of them, whole
    codes: enhanced status codes (`X.7.9`: of any class) or response codes, one of them, whole
    verify: OpenSSL's numbers of a refused certificate
    status: `NO`, `535`, `5XX`; "": none was heard
    not_status: the same, where the rule does not hold
    commands: what was asked last; "": not known
    words, unless: patterns of what must and what must not be said

and `reason` (several: the evidence cannot tell), `meaning` and `action` where the reason's own are not telling enough, `samples` that lead to
it, and `source`. `rank` is told by what is asked for, unless it is named.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from mailbox_operator.diagnosis.clues import Clues
from mailbox_operator.diagnosis.data_files import read_data
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.reasons import Reason, combine, reasons
from mailbox_operator.values import dataclass

FILES: Final = (
    "delivery",
    "clients",
    "servers",
    "signin",
    "imap",
    "pop3",
    "smtp",
    "exchange",
    "oauth",
    "network",
    "languages",
    "general",
)
"""In the order in which rules of one rank are tried: what a server says tells more than what its network does, and what is wrong with
a receiver is told as such."""


class Rank(IntEnum):
    """How much a rule's evidence tells; the lower, the sooner tried."""

    VENDOR = 0
    """A code that stands for one cause."""
    WORDS = 1
    """Words that stand for one cause."""
    CODE = 2
    """A code of a standard."""
    VAGUE = 3
    """Words that many causes share."""
    GENERAL = 4
    """A code that servers use for nearly everything."""
    STATUS = 5
    """A bare status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must be seen, and what it then means."""

    areas: tuple[str, ...]
    rank: Rank
    causes: frozenset[str]
    """The names of all that it may be."""
    reason: Reason
    providers: frozenset[str]
    vendor: frozenset[str]
    codes: frozenset[str]
    verify: frozenset[int]
    status: frozenset[str]
    not_status: frozenset[str]
    commands: frozenset[str]
    words: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    samples: tuple[Evidence, ...]

    def find(self, clues: Clues) -> re.Match[str] | bool:
        """Return what the rule's words found, whether all else holds where it asks for no words."""
        if not self._holds(clues):
            return False
        found = True if self.words is None else self.words.search(clues.words)
        return found if found and not (self.unless and self.unless.search(clues.words)) else False

    def _holds(self, clues: Clues) -> bool:
        return (
            (not self.providers or clues.provider in self.providers)
            and (not self.vendor or not self.vendor.isdisjoint(clues.vendor_codes))
            and (not self.codes or not self.codes.isdisjoint(clues.codes))
            and (not self.verify or clues.tls_verify_code in self.verify)
            and (not self.status or not self.status.isdisjoint(clues.statuses))
            and self.not_status.isdisjoint(clues.statuses)
            and (not self.commands or not self.commands.isdisjoint(clues.commands))
        )


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return all rules in the order in which they are tried."""
    found = [_rule(one) for name in FILES for one in read_data(f"{name}.yaml")["rules"]]
    return tuple(sorted(found, key=lambda rule: (rule.rank, not rule.providers)))


@lru_cache(maxsize=64)
def rules_of(areas: frozenset[str]) -> tuple[Rule, ...]:
    """Return the rules for any of `areas`."""
    return tuple(rule for rule in rules() if not areas.isdisjoint(rule.areas))


def _rule(one: dict[str, Any]) -> Rule:
    areas = tuple(one["areas"])
    named = combine([reasons()[name] for name in _several(one["reason"])])
    providers = _several(one.get("provider", []))
    return Rule(
        areas=areas,
        rank=Rank[one["rank"].upper()] if "rank" in one else _rank(one),
        causes=frozenset(_several(one["reason"])),
        reason=Reason(
            name=named.name,
            retry=named.retry,
            meaning=one.get("meaning", named.meaning),
            action=one.get("action", named.action),
        ),
        providers=frozenset(providers),
        vendor=frozenset(str(code).upper() for code in one.get("vendor", [])),
        codes=frozenset(str(code).upper() for code in one.get("codes", [])),
        verify=frozenset(one.get("verify", [])),
        status=frozenset(str(status) for status in one.get("status", [])),
        not_status=frozenset(one.get("not_status", [])),
        commands=frozenset(one.get("commands", [])),
        words=_pattern(one.get("words")),
        unless=_pattern(one.get("unless")),
        samples=tuple(_sample(sample, one, areas, providers) for sample in one.get("samples", [])),
    )


def _rank(one: dict[str, Any]) -> Rank:
    if "vendor" in one or "verify" in one:
        return Rank.VENDOR
    if "words" in one:
        return Rank.WORDS
    return Rank.CODE if "codes" in one else Rank.STATUS


def _several(one: str | list[str]) -> list[str]:
    return [one] if isinstance(one, str) else list(one)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return None if text is None else re.compile(text, re.IGNORECASE)


def _sample(
    sample: str | dict[str, Any], one: dict[str, Any], areas: tuple[str, ...], providers: list[str]
) -> Evidence:
    """Return a sample as evidence, with what its rule asks for beside the words."""
    given: dict[str, Any] = {"text": sample} if isinstance(sample, str) else dict(sample)
    commands = one.get("commands", [""])
    given.setdefault("area", areas[0] if len(areas) == 1 else "")
    given.setdefault("command", "" if "" in commands else commands[0])
    given.setdefault("provider", providers[0] if providers else "")
    return Evidence(**given)
