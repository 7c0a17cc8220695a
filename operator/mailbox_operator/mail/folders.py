"""Which of a server's folders a mailbox means: by name, by glob, by special use (RFC 6154). Pure."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from mailbox_operator.mail.mailbox_name import encode_mailbox_name
from mailbox_operator.values import dataclass

INBOX: Final = "INBOX"
CANNOT_BE_OPENED: Final = frozenset({"\\NOSELECT", "\\NONEXISTENT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as LIST shows it."""

    name: str
    """As people read it."""
    wire: bytes
    """As the server names it, octet for octet."""
    delimiter: str = ""
    """Between the levels of a name; "" where there are none."""
    attributes: frozenset[str] = frozenset()
    r"""In upper case: `\NOSELECT`, `\JUNK` …"""

    @property
    def opens(self) -> bool:
        """Whether it can hold messages."""
        return not self.attributes & CANNOT_BE_OPENED


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The chosen folders, INBOX first, then by name; and of `include` what matches no folder."""

    folders: tuple[Folder, ...]
    unmatched: tuple[str, ...]


def needs_listing(include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Say whether the server must be asked for its folders: False where all are plain names without levels."""
    return bool(exclude) or any(_is_pattern(one) for one in include)


def plain_name(pattern: str) -> str:
    r"""Return the name that a pattern which needs no listing means: `\Inbox` is INBOX, and INBOX has no case."""
    return INBOX if pattern.upper() in {INBOX, "\\INBOX"} else pattern


def has_spellings(name: str) -> bool:
    r"""Whether servers write a name in several ways: modified UTF-7, UTF-8, octets of any charset (`\xNN` to people)."""
    return not name.isascii() or "\\x" in name


def spell_folders(names: Iterable[str], *, listed: Iterable[Folder]) -> tuple[Folder, ...]:
    """Return folders by plain names, in their order, as the server writes them, and in modified UTF-7 what it does not list.

    It may open those all the same.
    """
    known = {folder.name: folder for folder in listed}
    return tuple(known.get(name) or Folder(name=name, wire=encode_mailbox_name(name)) for name in names)


def select_folders(listed: Iterable[Folder], *, include: Sequence[str], exclude: Sequence[str]) -> Selection:
    r"""Choose among what the server has.

    `*` stands for any characters, also for further levels, `?` for one; `/` stands for the server's own delimiter, too.
    A pattern that begins with `\` is a special use. Names are case-sensitive, but for INBOX.
    """
    opening = [folder for folder in listed if folder.opens]
    chosen = [
        folder
        for folder in opening
        if any(matches(folder, one) for one in include) and not any(matches(folder, one) for one in exclude)
    ]
    unmatched = tuple(one for one in include if not any(matches(folder, one) for folder in opening))
    return Selection(
        folders=tuple(sorted(chosen, key=lambda folder: (folder.name.upper() != INBOX, folder.name))),
        unmatched=unmatched,
    )


def matches(folder: Folder, pattern: str) -> bool:
    """Say whether a folder is meant by a name, a glob or a special use."""
    if pattern.startswith("\\"):
        use = pattern.upper()
        return folder.name.upper() == INBOX if use == "\\INBOX" else use in folder.attributes
    if folder.name.upper() == INBOX:
        return bool(_compile(pattern.upper()).fullmatch(INBOX))
    compiled = _compile(pattern)
    if compiled.fullmatch(folder.name):
        return True
    return bool(folder.delimiter and compiled.fullmatch(folder.name.replace(folder.delimiter, "/")))


def _is_pattern(text: str) -> bool:
    if text.startswith("\\"):
        return text.upper() != "\\INBOX"
    return any(character in text for character in "*?/")


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(character) or re.escape(character) for character in pattern), re.DOTALL)
