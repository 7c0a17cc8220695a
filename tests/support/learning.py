"""What replies teach of the causes behind their words: `python -m support.learning` writes the weights that diagnosis weighs words by."""

import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, sqrt
from pathlib import Path
from typing import Final

from mailbox_operator.diagnosis import clues, concepts, features, structure, words
from mailbox_operator.diagnosis.clues import clues_of
from mailbox_operator.diagnosis.data_files import FOLDER
from mailbox_operator.diagnosis.features import features_of
from mailbox_operator.diagnosis.likelihood import WEIGHTS
from mailbox_operator.diagnosis.reasons import reasons
from mailbox_operator.diagnosis.rules import rules
from support import diagnosis_score

EPOCHS: Final = 15
RATE: Final = 2.0
"""Of the first epoch; it falls from one to the next."""
DECAY: Final = 0.1
"""What a weight loses an epoch, times the rate: keeps what was seen once from being believed."""
SLIGHT: Final = 0.002
"""A share of a cause that is not worth a correction."""
SHARPER: Final = 1.8
"""Each reply stands for itself, so that the weights are more careful than they need be (measured on rounds that came later)."""
STEPS: Final = 10
"""Of one unit of weight in the file."""
LEAST_STEPS: Final = 16
"""What weighs less is left out."""


def learn(rows: Iterable[tuple[Sequence[str], Sequence[str]]]) -> tuple[list[str], dict[str, list[float]]]:
    """Return the causes and the weight of each feature for each of them.

    `rows` are the features of a text, and the causes that it may have. Multinomial logistic regression by stochastic
    gradient descent, always in the same order.
    """
    rows = list(rows)
    often = Counter(feature for said, _ in rows for feature in said)
    kept = [([feature for feature in said if often[feature] > 1], meant) for said, meant in rows]
    causes = sorted({cause for _, meant in rows for cause in meant})
    weights = {feature: [0.0] * len(causes) for said, _ in kept for feature in said}
    order = random.Random(0)  # noqa: S311 - the same order each time
    for epoch in range(EPOCHS):
        rate = RATE / (1 + epoch / 3)
        order.shuffle(kept)
        for said, meant in kept:
            _correct([weights[feature] for feature in said], causes, meant, rate)
        left = 1 - DECAY * rate
        for feature, of_feature in weights.items():
            weights[feature] = [weight * left for weight in of_feature]
    return causes, weights


def _correct(weights: list[list[float]], causes: list[str], meant: Sequence[str], rate: float) -> None:
    """Move the weights of a text's features towards the causes that it may have."""
    length = sqrt(len(weights) or 1)
    scores = [sum(column) / length for column in zip(*weights, strict=True)]
    highest = max(scores, default=0.0)
    shares = [exp(score - highest) for score in scores]
    total = sum(shares)
    for number, cause in enumerate(causes[: len(shares)]):
        error = (1 / len(meant) if cause in meant else 0) - shares[number] / total
        if abs(error) > SLIGHT:
            step = rate * error / length
            for of_feature in weights:
                of_feature[number] += step


def replies() -> list[tuple[list[str], list[str]]]:
    """Return what is learned from: replies that may be looked at, sentences that programs show, and samples of the rules."""
    cases = [*diagnosis_score.read_cases("looked-at"), *diagnosis_score.read_sentences()]
    labelled = [(case.evidence, case.reasons) for case in cases]
    samples = [(sample, tuple(sorted(rule.causes))) for rule in rules() for sample in rule.samples]
    labelled += samples + samples  # each must lead to its own rule, so that a word in one of them is kept
    rows = [
        (features_of(clues_of(evidence)), [cause for cause in causes if cause in reasons()])
        for evidence, causes in labelled
    ]
    return [row for row in rows if row[1]]


@lru_cache(maxsize=1)
def render_weights() -> str:
    """Return the text of the file of weights: as it is, while nothing that it was learned from has changed."""
    origin = _origin()
    if WEIGHTS.exists() and json.loads(WEIGHTS.read_text())["origin"] == origin:
        return WEIGHTS.read_text()
    causes, weights = learn(replies())
    lines = [
        f"  {json.dumps(feature, ensure_ascii=False)}: {json.dumps(flat, separators=(',', ':'))}"
        for feature, of_feature in sorted(weights.items())
        if (flat := _flat(of_feature))
    ]
    head = {
        "generated": "by `make generate`, from tests/data/diagnosis and the samples of the rules",
        "origin": origin,
        "causes": causes,
    }
    return json.dumps(head)[:-1] + ', "weights": {\n' + ",\n".join(lines) + "\n}}\n"


def _flat(weights: list[float]) -> list[int]:
    """Return number and weight of each cause for which the feature tells something."""
    rounded = [(number, round(weight * SHARPER * STEPS)) for number, weight in enumerate(weights)]
    return [value for pair in rounded if abs(pair[1]) >= LEAST_STEPS for value in pair]


def _origin() -> str:
    """Return a digest of all that the weights depend on."""
    read = [
        *sorted(FOLDER.glob("*.yaml")),
        *(diagnosis_score.FOLDER / f"{name}.yaml" for name in ("looked-at", "sentences")),
    ]
    read += [Path(module.__file__ or "") for module in (clues, concepts, features, structure, words)]
    digest = hashlib.sha256()
    for path in [*read, Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    WEIGHTS.write_text(render_weights())
    sys.stdout.write(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size // 1024} KiB\n")
