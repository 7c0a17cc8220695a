"""What a text is about and what it says of that, whichever words it takes: `couldn't sign in` and `login failed` are the same two concepts."""

import re
from functools import lru_cache
from typing import Final

from mailbox_operator.diagnosis.data_files import read_data

CLAUSE_END: Final = re.compile(
    r"[.,;!?](?=\s|$)|[\uff0c\u3002\uff1b\uff01\uff1f\uff1a\u3001]|(?<=[a-z])\.(?=[A-Z])|:(?=\s)|\s[-|>]+\s|---> ?|\bbecause\b"
)
"""What is said of a thing is said before the next of these."""
ASIDE: Final = re.compile(r"\(([^()]*)\)")
"""What is said of another thing in between."""
PLACE: Final = re.compile(
    r"\b(?:at|in|File) \S*[\w$]\.[\w$]+\([^)]{0,80}\)|(?:[\w@~.-]*[\\/]){2,}[\w.@-]+(?::\d+)*|[\\/][\w@~-]+[\\/.][\w.@-]+|\b(?:\w+\.){2,}(?=\w)|\b(?:\w+(?:::|\\))+(?=\w)|\b\w+\(\)|\{[^{}\s]{3,120}\}\S*"
)
"""Where in a program or on a disk something happened, and whose an error's name is: words that tell of no cause."""
GROUP: Final = re.compile(r"(?<!\\)\((?!\?)")
"""A group that the data opens; the entries themselves are the only ones that are told apart."""
NOT: Final = (  # what NOT stands for in the data
    r"(?:(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would) )?not(?: (?:be|been|yet|currently|seem to))*"
)
SHORTENED: Final = re.compile(r"\b(\w+?)n['o]t\b", re.IGNORECASE)
"""`isn't`, `cannot`."""
IRREGULAR: Final = {"ca": "can", "wo": "will"}
"""`can't`, `won't`."""


@lru_cache(maxsize=1)
def vocabulary() -> tuple[tuple[frozenset[str], str], ...]:
    """Return concepts and the pattern of their words, in the order in which they are tried at each word."""
    return tuple((frozenset(one["means"]), _pattern(one)) for one in read_data("concepts.yaml")["concepts"])


def _pattern(one: dict[str, str]) -> str:
    words = GROUP.sub("(?:", one["words"]).replace("NOT", NOT)
    return rf"\b(?:{words})(?!\w)" + (f"|{one['also']}" if "also" in one else "")


@lru_cache(maxsize=1)
def _any_word() -> re.Pattern[str]:
    entries = "|".join(f"(?P<c{number}>{pattern})" for number, (_, pattern) in enumerate(vocabulary()))
    return re.compile(entries, re.IGNORECASE)


@lru_cache(maxsize=8)
def clauses_of(text: str) -> tuple[frozenset[str], ...]:
    """Return the concepts of each clause. Each stretch of the text is read once, by the first entry that fits."""
    told = SHORTENED.sub(_in_full, " ".join(PLACE.sub(" ", text).split()))
    sentences = [ASIDE.sub(" ", told), *ASIDE.findall(told)]
    return tuple(_concepts(clause) for sentence in sentences for clause in CLAUSE_END.split(sentence))


def _in_full(found: re.Match[str]) -> str:
    return f"{IRREGULAR.get(found[1].lower(), found[1])} not"


def _concepts(clause: str) -> frozenset[str]:
    found = (vocabulary()[int(match.lastgroup[1:])][0] for match in _any_word().finditer(clause) if match.lastgroup)
    return frozenset().union(*found)
