"""What a diagnosis ends in: a reason, whether trying again can help, and what a person should do."""

from enum import StrEnum
from typing import Final

from mailbox_operator.values import dataclass


class Retry(StrEnum):
    """Whether and when another try makes sense."""

    NO = "no"
    """A person must change something."""
    LIMITED = "limited"
    """A few tries, then as NO."""
    BACKOFF = "backoff"
    """It may heal by itself."""
    AFTER = "after"
    """The server named a delay."""
    REFRESH = "refresh"
    """Once more with a new token."""


LIMIT: Final = 1024
"""Characters of a message."""
HEALING: Final = frozenset({Retry.BACKOFF, Retry.AFTER})
"""What may heal by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A named fault."""

    reason: str
    """CamelCase, as in a condition's reason."""
    retry: Retry
    meaning: str
    """The cause in a few words."""
    action: str
    """What to do about it."""
    said: str = ""
    """The server's own words, cut and cleaned; "" where nobody said anything."""
    retry_after_seconds: float | None = None

    @property
    def message(self) -> str:
        """One line, at most `LIMIT` characters: `cause: what the server said: what to do`, of which what was said is cut first."""
        room = LIMIT - len(f"{self.meaning}: : {self.action}")
        said = self.said if len(self.said) <= room else f"{self.said[: max(0, room - 1)]}…"
        return ": ".join(part for part in (self.meaning, said, self.action) if part)[:LIMIT]
