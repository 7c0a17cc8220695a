"""What the C library does with memory that messages no longer need (glibc, mallopt(3); with another library: what it does anyway)."""

from functools import lru_cache
from typing import Any, Final

MMAP_THRESHOLD: Final = -3
TRIM_THRESHOLD: Final = -1
LARGEST: Final = 8 << 20
"""Octets: what is larger is a mapping of its own, which is given back when it is freed."""
KEPT: Final = 32 << 20
"""Octets of freed memory that are kept for what comes next, until a `Keeper` gives them back."""
MANY: Final = 64
"""Messages after which giving back is worth a few milliseconds."""


@lru_cache(maxsize=1)
def keep_freed() -> None:
    """Keep freed memory: under load each body got its pages anew from the kernel, which was a twelfth of the fetcher's CPU."""
    library = _library()
    if library is not None:
        library.mallopt(MMAP_THRESHOLD, LARGEST)
        library.mallopt(TRIM_THRESHOLD, KEPT)


class Keeper:
    """Gives memory back once messages have stopped coming: a mailbox is at rest for most of its life."""

    def __init__(self) -> None:
        self._seen = self._given_back = 0

    def look(self, delivered: int) -> None:
        """Take how many messages were delivered so far; to be called each second."""
        resting, self._seen = delivered == self._seen, delivered
        if resting and delivered - self._given_back >= MANY:
            self._given_back = delivered
            library = _library()
            if library is not None:
                library.malloc_trim(0)


@lru_cache(maxsize=1)
def _library() -> Any | None:
    import ctypes  # noqa: PLC0415 - where nothing is delivered, nothing is freed

    try:
        library = ctypes.CDLL(None)
        library.mallopt, library.malloc_trim  # noqa: B018 - whether it has them
    except (AttributeError, OSError):
        return None
    return library
