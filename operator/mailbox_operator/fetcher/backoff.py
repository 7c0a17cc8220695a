"""How long to wait before the next try: exponential, full jitter."""

import os


def chance() -> float:
    """Return a random number from [0, 1). The module `random` has them too, and takes a millisecond to load."""
    return int.from_bytes(os.urandom(6)) / (1 << 48)


def backoff_seconds(attempt: int, *, first: float, longest: float, chance: float) -> float:
    """Return the wait after the `attempt`-th failure in a row (from 1), at least half of `first`.

    `chance` is from [0, 1). Everyone whose server went away comes back at another moment.
    """
    ceiling = min(longest, first * 2.0 ** min(attempt - 1, 32))
    return max(first / 2, ceiling * chance)
