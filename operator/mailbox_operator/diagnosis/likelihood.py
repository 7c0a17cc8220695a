"""How likely each cause is by all that is said, learned from labelled replies: for words that no single rule can decide by."""

import json
from collections.abc import Mapping
from functools import lru_cache
from math import exp, sqrt
from typing import Final

from mailbox_operator.diagnosis.clues import Clues
from mailbox_operator.diagnosis.data_files import FOLDER
from mailbox_operator.diagnosis.features import CONCEPT, features_of
from mailbox_operator.diagnosis.finding import Retry
from mailbox_operator.diagnosis.reasons import reasons
from mailbox_operator.diagnosis.rules import Rank, Rule, rules_of
from mailbox_operator.diagnosis.structure import APIS, SERVERS, TRANSPORT

WEIGHTS: Final = FOLDER / "likelihood.json"
"""Written by `python -m support.learning`, a part of `make generate`."""
LEARNED: Final = SERVERS | APIS | {"oauth"} | TRANSPORT
"""Areas of which there are labelled replies."""
TRUST: Final = {Rank.VENDOR: 3.7, Rank.WORDS: 3.4, Rank.CODE: 3.1, Rank.VAGUE: 1.6, Rank.GENERAL: 1.9, Rank.STATUS: 2.0}
"""What a rule's word weighs (as the logarithm of a likelihood ratio), by how it was right about replies that were new to it."""
LEAST: Final = 1e-6
"""Likelihood of what the text speaks against, should a rule speak for it."""
ENOUGH: Final = 0.7
"""Causes are named until they are as likely as that together. On rounds 20 to 29, 0.6 claims 1 % more wrongly, 0.8 none less."""
DOUBTFUL: Final = 0.55
"""Where they are less likely than that, none is named. At 0.4 4 % more are named, half of them wrongly."""
SLIGHT: Final = 0.05
"""What is less likely is not named beside another."""
MOST_CAUSES: Final = 3
"""More than that would tell nobody what to do."""


def likelihoods(clues: Clues) -> dict[str, float]:
    """Return the causes that the areas know and how likely each is, together 1; none where no word is known, or nothing of the areas."""
    if not clues.areas <= LEARNED:
        return {}
    causes, weights = _learned()
    known = [feature for feature in features_of(clues) if feature in weights]
    if not any(feature.isalpha() or feature[0] == CONCEPT for feature in known):  # all else but words has a space in it
        return {}
    scores = [0.0] * len(causes)
    for feature in known:
        for number, weight in weights[feature]:
            scores[number] += weight
    possible = _possible(clues.areas)
    length = sqrt(len(known))
    highest = max(scores)
    found = {
        cause: exp((score - highest) / length) for cause, score in zip(causes, scores, strict=True) if cause in possible
    }
    return _together_one(found)


def likelihoods_with(found: Mapping[str, float], *, told: Rule) -> dict[str, float]:
    """Return how likely each cause is where a rule fits too, which weighs as much as rules of its rank have deserved."""
    heard = {cause: likelihood + LEAST for cause, likelihood in found.items()}
    heard |= {cause: heard.get(cause, LEAST) * exp(TRUST[told.rank]) for cause in told.causes}
    return _together_one(heard)


def _together_one(found: Mapping[str, float]) -> dict[str, float]:
    total = sum(found.values())
    return {cause: likelihood / total for cause, likelihood in found.items()}


def likeliest(found: Mapping[str, float]) -> tuple[str, ...]:
    """Return the fewest causes that are likely enough together, the likeliest first; none where three would not be."""
    named: list[str] = []
    together = 0.0
    for cause in sorted(found, key=lambda cause: (-found[cause], cause))[:MOST_CAUSES]:
        if together >= ENOUGH or found[cause] < SLIGHT:
            break
        named.append(cause)
        together += found[cause]
    return tuple(named) if together >= DOUBTFUL else ()


def likeliest_retry(found: Mapping[str, float]) -> Retry:
    """Return the class that the causes have which are likeliest together."""
    classes: dict[Retry, float] = {}
    for cause, likelihood in found.items():
        retry = reasons()[cause].retry
        classes[retry] = classes.get(retry, 0.0) + likelihood
    return max(classes, key=lambda retry: (classes[retry], retry))


@lru_cache(maxsize=64)
def _possible(areas: frozenset[str]) -> frozenset[str]:
    """Return the causes that rules of these areas name: a fault of the network is none of a credential."""
    return frozenset().union(*(rule.causes for rule in rules_of(areas | TRANSPORT if areas & SERVERS else areas)))


@lru_cache(maxsize=1)
def _learned() -> tuple[list[str], dict[str, list[tuple[int, float]]]]:
    """Return the causes, and of each feature the weight that it has for some of them."""
    data = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    weights = {
        feature: [(number, weight / 10) for number, weight in zip(flat[::2], flat[1::2], strict=True)]
        for feature, flat in data["weights"].items()
    }
    return data["causes"], weights
