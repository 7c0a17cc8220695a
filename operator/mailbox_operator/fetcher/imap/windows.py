"""A folder asked for what is new in it, part by part, however many messages it holds."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, NamedTuple

from mailbox_operator.fetcher.checkpoint.uid_set import render_uid_set
from mailbox_operator.fetcher.ids import Uid
from mailbox_operator.fetcher.imap.batches import FIRST_WINDOW, next_window
from mailbox_operator.fetcher.imap.criteria import render_since
from mailbox_operator.fetcher.imap.folder import ImapFolder
from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.mail.imap_connection import Reply

ONE_SEARCH: Final = 40_000
"""Messages of a folder that is searched in one go: the answer is one line."""
SEARCH_WINDOW: Final = 20_000
"""UIDs in one SEARCH of a larger folder."""
SEARCH_LIST: Final = 500
"""Found UIDs in one command, which so stays below 8,000 octets."""


class Window(NamedTuple):
    """A part of the folder: the listing under way, None where nothing in it is wanted, and its last UID."""

    asked: asyncio.Future[Reply] | None
    through: Uid


async def ask_windows(
    folder: ImapFolder, ledger: ImapLedger, *, through: Uid, exists: int, criteria: bytes
) -> AsyncGenerator[Window, int]:
    """Ask for listings of what is not known yet, up to `through`; send in how many messages the last one had.

    Where something can be searched for, what is not found is not listed. `exists` says how many messages there are.
    """
    first, width = ledger.through + 1, FIRST_WINDOW
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
        else:
            last = min(first + width - 1, through)
            found_there = yield Window(folder.ask_list(b"%d:%d" % (first, last)), Uid(last))
            width = next_window(width, found=found_there, exists=exists)
        first = last + 1
