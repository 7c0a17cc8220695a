"""How messages are asked for: by octets, so that a range is neither a round trip for nothing nor a flood. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from mailbox_operator.fetcher.imap.data import Listed

BATCH_OCTETS: Final = 4 << 20
BATCH_MESSAGES: Final = 500
FIRST_WINDOW: Final = 1_000
LARGEST_WINDOW: Final = 65_536
"""UIDs listed at a time of a folder that holds more messages; a window with little in it is followed by one twice as
wide."""


def plan_batches(messages: Iterable[Listed]) -> Iterator[list[Listed]]:
    """Cut messages into batches of at most 500 and, but for a single larger one, 4 MiB; order is kept."""
    batch: list[Listed] = []
    octets = 0
    for message in messages:
        if batch and (octets + message.size > BATCH_OCTETS or len(batch) >= BATCH_MESSAGES):
            yield batch
            batch, octets = [], 0
        batch.append(message)
        octets += message.size
    if batch:
        yield batch


def next_window(width: int, *, found: int, exists: int) -> int:
    """Return how many UIDs to list next, after `found` messages among `width`, in a folder with `exists` of them."""
    if found >= FIRST_WINDOW // 4:
        return FIRST_WINDOW
    return width * 2 if exists <= LARGEST_WINDOW else min(width * 2, LARGEST_WINDOW)
