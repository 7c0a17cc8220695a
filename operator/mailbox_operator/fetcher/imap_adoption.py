"""Whether a folder's ledger still holds for what the server now shows of the folder, or a new one begins."""

import logging

from mailbox_operator.fetcher.imap_folder import Selected
from mailbox_operator.fetcher.imap_ledger import ImapLedger, begin_ledger
from mailbox_operator.fetcher.pipeline import Pipeline

log = logging.getLogger(__name__)


def adopt_folder(pipeline: Pipeline, folder: str, selected: Selected) -> ImapLedger:
    """Return the ledger of a folder as the server now shows it, ready for a new session."""
    known = pipeline.checkpoint.folders.get(folder)
    if not isinstance(known, ImapLedger):
        known = None
    # A UIDNEXT that went back is a server that broke its word (restored from a backup, say): UIDs mean something else.
    if known and known.uidvalidity == selected.uidvalidity and selected.uidnext > known.last:
        known.begin_session(held=pipeline.held(folder, known.uidvalidity))
        return known
    if known:
        log.warning("the folder begins anew and is read again", extra={"folder": folder})
        pipeline.checkpoint.tries.clear()
    ledger = begin_ledger(
        uidvalidity=selected.uidvalidity,
        uidnext=selected.uidnext,
        since_seconds=pipeline.fetch.since_seconds,
        now=pipeline.clock(),
        saved=pipeline.checkpoint.saved_seconds if known else None,
    )
    pipeline.begin(folder, ledger)
    return ledger
