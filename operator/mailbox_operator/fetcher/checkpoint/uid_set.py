"""Sets of UIDs as octets: `1:3,7` (RFC 9051 section 4.1.1)."""

from collections.abc import Iterable, Iterator

from mailbox_operator.fetcher.ids import Uid


def render_uid_set(uids: Iterable[int]) -> str:
    """Write ascending UIDs as ranges of neighbours."""
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in _runs(uids))


def parse_uid_set(text: str, *, limit: int) -> Iterator[Uid]:
    """Read what `render_uid_set` wrote, at most `limit` UIDs. Raises ValueError."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition(":")
        run = range(int(first), int(last or first) + 1)
        limit -= len(run)
        if limit < 0:
            raise ValueError("the set holds too many UIDs")
        yield from map(Uid, run)


def _runs(uids: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for uid in uids:
        if first is not None and last is not None:
            if uid == last + 1:
                last = uid
                continue
            yield first, last
        first = last = uid
    if first is not None and last is not None:
        yield first, last
