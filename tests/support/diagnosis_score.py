"""How well diagnosis does on real replies that are no samples of its rules: `python -m support.diagnosis_score`."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from mailbox_operator.diagnosis.clues import clues_of
from mailbox_operator.diagnosis.evidence import Evidence
from mailbox_operator.diagnosis.finding import Finding, Retry
from mailbox_operator.diagnosis.matcher import UNRECOGNISED, diagnose
from mailbox_operator.diagnosis.reasons import reasons

FOLDER: Final = Path(__file__).resolve().parents[1] / "data/diagnosis"
SETS: Final = ("looked-at", "held-out")
SENTENCES: Final = "sentences"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A reply that somebody met, and what its cause was found to be."""

    evidence: Evidence
    reasons: tuple[str, ...]
    """Any of these is right."""
    retries: frozenset[Retry]
    source: str

    def is_right(self, found: Finding) -> bool:
        """Say whether the finding names the cause, alone or as one of several."""
        return any(name in self.reasons for name in named(found.reason))

    def is_first(self, found: Finding) -> bool:
        """Say whether the finding names the cause, alone or as the likeliest."""
        return named(found.reason)[0] in self.reasons

    def is_alone(self, found: Finding) -> bool:
        """Say whether the finding names the cause and none beside it."""
        return found.reason in self.reasons

    def is_wrong(self, found: Finding) -> bool:
        """Say whether the finding claims another cause."""
        return found.reason != UNRECOGNISED and not self.is_right(found)

    @property
    def has_status(self) -> bool:
        """Say whether the server's status is known, as it is to this operator's own sessions."""
        return clues_of(self.evidence).statuses != {""}


def named(reason: str) -> tuple[str, ...]:
    """Return the causes that a reason names, the likeliest first; one that is none is returned as it is."""
    for cause in reasons():
        if reason.startswith(f"{cause}Or") and (others := named(reason.removeprefix(f"{cause}Or")))[0] in reasons():
            return (cause, *others)
    return (reason,)


def read_cases(name: str) -> list[Case]:
    """Return the cases of a set."""
    return [_case(one) for one in yaml.safe_load((FOLDER / f"{name}.yaml").read_text())]


def read_sentences() -> list[Case]:
    """Return the sentences that programs show, and their paraphrases, which are no measure but must not be lost."""
    groups = yaml.safe_load((FOLDER / f"{SENTENCES}.yaml").read_text())
    return [
        _case({"text": text, "reason": one["reason"], "given": one.get("given", {}), "source": SENTENCES})
        for one in groups
        for text in one["texts"]
    ]


def _case(one: dict[str, Any]) -> Case:
    retries = one.get("retry") or [reasons()[name].retry for name in one["reason"]]
    return Case(
        evidence=Evidence(text=one["text"], **one.get("given", {})),
        reasons=tuple(one["reason"]),
        retries=frozenset(Retry(retry) for retry in retries),
        source=one["source"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Shares of all cases."""

    cases: int
    reason: float
    """The cause was named, alone or as one of several."""
    first: float
    """It was named alone, or as the likeliest."""
    alone: float
    retry: float
    wrong: float
    """Another cause was claimed."""
    unknown: float
    """None was claimed."""
    named: float
    """No share: how many causes were named where any was."""


def score(cases: list[Case]) -> Score:
    """Return how often reason and retry class were right, and how often another cause was claimed."""
    found = [(case, diagnose(case.evidence)) for case in cases]
    claimed = [len(named(finding.reason)) for _, finding in found if finding.reason != UNRECOGNISED]
    return Score(
        cases=len(cases),
        reason=_share(case.is_right(finding) for case, finding in found),
        first=_share(case.is_first(finding) for case, finding in found),
        alone=_share(case.is_alone(finding) for case, finding in found),
        retry=_share(finding.retry in case.retries for case, finding in found),
        wrong=_share(case.is_wrong(finding) for case, finding in found),
        unknown=_share(finding.reason == UNRECOGNISED for _, finding in found),
        named=sum(claimed) / max(1, len(claimed)),
    )


def _share(true: Iterable[bool]) -> float:
    all_of_them = list(true)
    return sum(all_of_them) / max(1, len(all_of_them))


def main() -> None:
    """Print the score of each set, with a status of the server and without one, and what is not right of the one that may be looked at."""
    for name in SETS:
        cases = read_cases(name)
        parts = {
            "all": cases,
            "with a status": [case for case in cases if case.has_status],
            "without one": [case for case in cases if not case.has_status],
        }
        for part, those in parts.items():
            of_part = score(those)
            sys.stdout.write(
                f"{name}, {part}: {of_part.cases} replies, reason {of_part.reason:.1%} (first {of_part.first:.1%}, alone {of_part.alone:.1%}), "
                f"retry {of_part.retry:.1%}, wrong {of_part.wrong:.1%}, unknown {of_part.unknown:.1%}, {of_part.named:.2f} causes named\n"
            )
    for case in read_cases(SETS[0]):
        finding = diagnose(case.evidence)
        if not case.is_right(finding) or finding.retry not in case.retries:
            sys.stdout.write(f"  {case.evidence.text[:100]!r}: {finding.reason}, {finding.retry}; was {case.reasons}\n")


if __name__ == "__main__":
    main()
