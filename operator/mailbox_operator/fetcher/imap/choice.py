"""Which folders of a server are fetched, and where delivered messages go."""

import logging
from typing import Final

from mailbox_operator.fetcher.imap.ledger import ImapLedger
from mailbox_operator.fetcher.imap.link import ImapLink
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.mail.errors import Area, MailError
from mailbox_operator.mail.folders import (
    Folder,
    has_spellings,
    matches,
    needs_listing,
    plain_name,
    select_folders,
    spell_folders,
)

log = logging.getLogger(__name__)

FOLDERS_LIMIT: Final = 500


async def choose_folders(link: ImapLink, pipeline: Pipeline) -> tuple[tuple[Folder, ...], Folder | None]:
    """Return the folders to fetch, the most important one first, and the target of `moveTo`.

    The server is asked only where names alone do not say it. What became of folders that are gone is forgotten.
    Raises MailError, HeldBackError.
    """
    fetch = pipeline.fetch
    move_to = fetch.move_to
    if not needs_listing(fetch.folders, fetch.exclude) and (move_to is None or not needs_listing((move_to,), ())):
        names = dict.fromkeys(map(plain_name, fetch.folders))
        targets = () if move_to is None else (plain_name(move_to),)
        listed = await link.list_folders() if any(map(has_spellings, (*names, *targets))) else []
        target = next(iter(spell_folders(targets, listed=listed)), None)
        plain = spell_folders(names, listed=listed)
        return tuple(folder for folder in plain if folder != target), target
    listed = await link.list_folders()
    target = None if move_to is None else _find_target(move_to, listed)
    selection = select_folders(listed, include=fetch.folders, exclude=fetch.exclude)
    # What was moved there would be found, moved to where it is, found …
    chosen = tuple(folder for folder in selection.folders if target is None or folder.wire != target.wire)
    if selection.unmatched:
        log.debug("no such folder", extra={"patterns": ", ".join(selection.unmatched)})
    if len(chosen) > FOLDERS_LIMIT:
        raise MailError(f"{len(chosen)} folders match, more than {FOLDERS_LIMIT}", area=Area.POLICY)
    _forget_gone(pipeline, listed)
    return chosen, target


def _find_target(pattern: str, listed: list[Folder]) -> Folder:
    """Return the folder that `moveTo` names; it need not exist yet, unless it is named by its use."""
    for folder in listed:
        if folder.opens and matches(folder, pattern):
            return folder
    if pattern.startswith("\\"):
        raise MailError(f"moveTo: the server has no folder for {pattern}", area=Area.IMAP, response_code="NONEXISTENT")
    delimiter = next((folder.delimiter for folder in listed if folder.delimiter), "/")
    return spell_folders((pattern.replace("/", delimiter),), listed=())[0]


def _forget_gone(pipeline: Pipeline, listed: list[Folder]) -> None:
    """Keep the checkpoint small: a folder that was deleted begins anew if it ever comes back."""
    there = {folder.name for folder in listed}
    folders = pipeline.checkpoint.folders
    for name in [name for name, ledger in folders.items() if name not in there and isinstance(ledger, ImapLedger)]:
        if name.upper() != "INBOX" and not pipeline.held(name, folders[name].uidvalidity):
            del folders[name]
            pipeline.changed()
