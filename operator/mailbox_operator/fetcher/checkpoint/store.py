"""Where a checkpoint is kept, and how that can fail."""

from typing import Protocol


class StoreAwayError(Exception):
    """The store cannot be reached or refuses for now: one line that says why."""


class FencedError(Exception):
    """Another fetcher of this mailbox holds the checkpoint; this one must stop."""


class Store(Protocol):
    """Holds one checkpoint. Whoever opened it last is its holder."""

    async def open(self) -> str | None:
        """Take hold and return the checkpoint's JSON; None: there is none yet. Raises StoreAwayError, FencedError."""

    async def save(self, *, checkpoint: str, progress: str) -> None:
        """Write both. Raises StoreAwayError, FencedError."""

    def close(self) -> None:
        """Let go."""
