"""Durations as people write them: Go's (`1h30m`), and days (`7d`)."""

import re
from functools import lru_cache
from typing import Final

SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")


@lru_cache(maxsize=1024)  # the same few texts, thousands of times
def seconds(text: str) -> float:
    """Return a duration in seconds; `0` is 0. Raises ValueError for what is no duration."""
    if text == "0":
        return 0.0
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration: write 90s, 5m, 1h30m or 7d")
    return float(sum(float(number) * SECONDS[unit] for number, unit in parts))


def octets(text: str) -> int:
    """Return a Kubernetes quantity of octets (`25Mi`, `10M`, `4096`) as a number. Raises ValueError."""
    found = re.fullmatch(r"([0-9]+)(Ki|Mi|Gi|k|M|G)?", text)
    if not found:
        raise ValueError(f"{text!r} is no quantity of octets: write 25Mi, 512Ki or a number")
    factor = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}
    return int(found[1]) * factor.get(found[2] or "", 1)
