"""A folder asked for what is new in it, part by part, however many messages it holds."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, NamedTuple

from mailbox_operator.fetcher.checkpoint.uid_set import render_uid_set
from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.batches import FIRST_WINDOW, next_window
from mailbox_operator.fetcher.imap.criteria import render_criteria, render_since
from mailbox_operator.fetcher.imap.data import Listed
from mailbox_operator.fetcher.imap.folder import Foreseen, ImapFolder
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.mail.imap.connection import Reply

ONE_SEARCH: Final = 40_000
"""Messages of a folder that is searched in one go: the answer is one line."""
SEARCH_WINDOW: Final = 20_000
"""UIDs in one SEARCH of a larger folder."""
SEARCH_LIST: Final = 500
"""Found UIDs in one command, which so stays below 8,000 octets."""


class Window(NamedTuple):
    """A part of the folder: the listing under way, None where none is needed, its last UID, and what is known already."""

    asked: asyncio.Future[Reply] | None
    through: Uid
    listed: Sequence[Listed] = ()


def foresee_window(ledger: ImapLedger | None, fetch: Fetch) -> Foreseen | None:
    """Return what `ask_windows` will ask for first, before the folder is opened. None: it may search, or need nothing.

    If the folder turns out to have begun anew, other UIDs are asked for, and the answer to these goes unread.
    """
    first = 1 if ledger is None else ledger.last + 1
    if render_criteria(fetch) or (fetch.since_seconds is not None if ledger is None else first <= ledger.since_through):
        return None
    return Foreseen(Uid(first), Uid(first + FIRST_WINDOW - 1))


async def ask_windows(
    folder: ImapFolder,
    ledger: ImapLedger,
    *,
    through: Uid,
    exists: int,
    criteria: bytes,
) -> AsyncGenerator[Window, int]:
    """Ask for listings of what is not known yet, up to `through`; send in how many messages the last one had.

    Where something can be searched for, what is not found is not listed. `exists` says how many messages there are.
    """
    first, width, foreseen = ledger.through + 1, FIRST_WINDOW, folder.take_foreseen()
    can_search = True
    while first <= through:
        since = ledger.since if first <= ledger.since_through else None
        wanted = b" ".join(filter(None, (b"" if since is None else render_since(since), criteria)))
        if wanted and can_search:
            span = through if exists <= ONE_SEARCH else first + SEARCH_WINDOW - 1
            last = min(span, through if since is None else ledger.since_through, through)
            found = await folder.search(b"%d:%d" % (first, last), wanted)
            if found is None:
                can_search = False
                continue
            found = [uid for uid in found if first <= uid <= last]
            for start in range(0, len(found), SEARCH_LIST):
                part = found[start : start + SEARCH_LIST]
                yield Window(folder.ask_list(render_uid_set(part).encode()), part[-1])
            yield Window(None, Uid(last))
        elif foreseen and foreseen.first == first:
            last = min(foreseen.through, through)
            # What came since the folder was opened is news, and not of this window.
            found_there = yield Window(None, Uid(last), [one for one in foreseen.listed if first <= one.uid <= last])
            width = next_window(width, found=found_there, exists=exists)
        else:
            last = min(first + width - 1, through)
            found_there = yield Window(folder.ask_list(b"%d:%d" % (first, last)), Uid(last))
            width = next_window(width, found=found_there, exists=exists)
        first = last + 1
