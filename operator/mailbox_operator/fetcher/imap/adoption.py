"""Whether a folder's ledger still holds for what the server now shows of the folder, or a new one begins."""

import logging
from typing import Final

from mailbox_operator.fetcher.imap.folder import Selected
from mailbox_operator.fetcher.imap.ledger import ImapLedger, begin_ledger
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch

log = logging.getLogger(__name__)

WHOLE_SECONDS: Final = 2.0
"""INTERNALDATE knows no finer, and server and fetcher may round differently."""
UNDELIVERED_SECONDS: Final = 86_400.0


def adopt_folder(pipeline: Pipeline, folder: str, selected: Selected) -> ImapLedger:
    """Return the ledger of a folder as the server now shows it, ready for a new session."""
    known = pipeline.checkpoint.folders.get(folder)
    if not isinstance(known, ImapLedger):
        known = None
    # A UIDNEXT that went back is a server that broke its word (restored from a backup, say): UIDs mean something else.
    if known and known.uidvalidity == selected.uidvalidity and selected.uidnext > known.last:
        known.begin_session(held=pipeline.held(folder, known.uidvalidity))
        return _instruct(known, pipeline.fetch)
    if known:
        log.warning("the folder begins anew and is read again", extra={"folder": folder})
        pipeline.checkpoint.tries.clear()
        pipeline.checkpoint.rescans[folder] = pipeline.clock()
    ledger = begin_ledger(
        uidvalidity=selected.uidvalidity,
        uidnext=selected.uidnext,
        since_seconds=pipeline.fetch.since_seconds,
        now=pipeline.clock(),
        known_until=_known_until(pipeline, is_new=known is None),
    )
    pipeline.begin(folder, ledger)
    return _instruct(ledger, pipeline.fetch)


def _known_until(pipeline: Pipeline, *, is_new: bool) -> float | None:
    """Return until when a folder's mail is known, which counts where only new mail is asked for. None: never looked at.

    A new folder was not there when all were last looked through. One whose UIDs changed may hold messages that were not
    delivered when the checkpoint was last written; those that were are known by their Message-ID.
    """
    checkpoint = pipeline.checkpoint
    if is_new:
        return None if checkpoint.listed_seconds is None else checkpoint.listed_seconds - WHOLE_SECONDS
    return None if checkpoint.saved_seconds is None else checkpoint.saved_seconds - UNDELIVERED_SECONDS


def _instruct(ledger: ImapLedger, fetch: Fetch) -> ImapLedger:
    """Tell a ledger what to remember."""
    ledger.acts_at_once = fetch.mark_seen or fetch.move_to is not None or fetch.delete
    ledger.delete_after = fetch.delete_after_seconds
    ledger.watches_flags = fetch.unseen_only or not fetch.deduplicate
    return ledger
