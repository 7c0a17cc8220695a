"""What is learned of: the words of a text, the concepts that they stand for, and who said it of what."""

import re
from itertools import combinations, pairwise
from typing import Final

from mailbox_operator.diagnosis.clues import Clues
from mailbox_operator.diagnosis.concepts import clauses_of
from mailbox_operator.diagnosis.words import spelled_out

WORD: Final = re.compile(r"[^\W_]+(?:'\w+)?")
LONG_NUMBER: Final = 4
"""Digits; an id or a port tells of no cause."""
BEGIN: Final = "<"
CONCEPT: Final = "@"


def features_of(clues: Clues) -> list[str]:
    """Return words and neighbours, concepts and those of one clause, areas, status, command and codes, each once."""
    words = [BEGIN, *(_plain(word) for word in WORD.findall(spelled_out(clues.words).lower()))]
    found = {*words, *(f"{first} {second}" for first, second in pairwise(words))}
    for clause in clauses_of(clues.words):
        found.update(f"{CONCEPT}{concept}" for concept in clause)
        found.update(f"{CONCEPT}{first}+{second}" for first, second in combinations(sorted(clause), 2))
    found.add(f"area {'+'.join(sorted(clues.areas))}")
    found.update(f"status {status}" for status in clues.statuses)
    found.update(f"command {command}" for command in clues.commands)
    found.update(f"code {code}" for code in clues.codes)
    return sorted(found)


def _plain(word: str) -> str:
    return "#" if len(word) >= LONG_NUMBER and word.isdigit() else word
