"""What a text is about and what it says of that, whichever words it takes: `couldn't sign in` and `login failed` are the same two concepts."""

import re
from functools import lru_cache
from typing import Final

from mailbox_operator.diagnosis.data_files import read_data

CLAUSE_END: Final = re.compile(r"[.,;!?](?=\s|$)|(?<=[a-z])\.(?=[A-Z])|:(?=\s)|\s[-|>]+\s|---> ?|[()]|\bbecause\b")
"""What is said of a thing is said before the next of these."""
PLACE: Final = re.compile(
    r"\b(?:at|in|File) \S*[\w$]\.[\w$]+\([^)]{0,80}\)|(?:[\w@~-]*[\\/])+[\w.@-]+(?::\d+)*|\b(?:\w+\.){2,}(?=\w)|\b(?:\w+(?:::|\\))+(?=\w)|\b\w+\(\)|\{[^{}\s]{3,120}\}\S*"
)
"""Where in a program or on a disk something happened, and whose an error's name is: words that tell of no cause."""
GROUP: Final = re.compile(r"(?<!\\)\((?!\?)")
"""A group that the data opens; the entries themselves are the only ones that are told apart."""
NOT: Final = (  # what NOT stands for in the data
    r"(?:(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would) )?not(?: (?:be|been|yet|currently|seem to))*"
)
SHORTENED: Final = re.compile(r"n['o]t\b(?<=[a-z]n['o]t)", re.IGNORECASE)
"""`isn't`, `cannot`."""


@lru_cache(maxsize=1)
def vocabulary() -> tuple[tuple[frozenset[str], str], ...]:
    """Return concepts and the pattern of their words, in the order in which they are tried at each word."""
    return tuple(
        (frozenset(one["means"]), GROUP.sub("(?:", one["words"]).replace("NOT", NOT))
        for one in read_data("concepts.yaml")["concepts"]
    )


@lru_cache(maxsize=1)
def _any_word() -> re.Pattern[str]:
    entries = "|".join(f"(?P<c{number}>{words})" for number, (_, words) in enumerate(vocabulary()))
    return re.compile(rf"\b(?:{entries})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=8)
def clauses_of(text: str) -> tuple[frozenset[str], ...]:
    """Return the concepts of each clause. Each stretch of the text is read once, by the first entry that fits."""
    told = SHORTENED.sub(" not", PLACE.sub(" ", text))
    return tuple(_concepts(clause) for clause in CLAUSE_END.split(told))


def _concepts(clause: str) -> frozenset[str]:
    found = (vocabulary()[int(match.lastgroup[1:])][0] for match in _any_word().finditer(clause) if match.lastgroup)
    return frozenset().union(*found)
