"""One thing that is wrong with a manifest, in the API server's words."""

import json
from dataclasses import dataclass
from typing import Any, Final

Path = tuple[str | int, ...]
"""Where in an object: names of fields and indexes."""

NO_FIELD: Final = "<nil>"
"""How the API server prints the path of an error that belongs to no field."""
ESCAPES: Final = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"} | {
    '"': '\\"',
    "\\": "\\\\",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that is wrong."""

    path: Path
    """The nearest place in the manifest."""
    field: str
    """The path as the API server prints it; empty where the message names it itself."""
    message: str
    blocking: bool = False
    """Whether rules are left unchecked because of it."""

    @property
    def text(self) -> str:
        """The line as the API server prints it."""
        return f"{self.field}: {self.message}" if self.field else self.message


def dotted(path: Path) -> str:
    """Return a path as the API server prints it: `spec.fetch.folders.include[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def quoted(text: str) -> str:
    """Return a text as Go's %q prints it."""
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable():
        return character
    if character.isascii():
        return f"\\x{ord(character):02x}"
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"


def written(value: Any) -> str:
    """Return a value as the API server prints it in a message."""
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
