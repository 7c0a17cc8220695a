"""Whether a folder's ledger still holds for what the server now shows of the folder, or a new one begins."""

from typing import Final

from mailbox_operator.fetcher.imap.folder import Selected
from mailbox_operator.fetcher.imap.ledger import ImapLedger, begin_ledger
from mailbox_operator.fetcher.pipeline import Pipeline
from mailbox_operator.fetcher.plan import Fetch
from mailbox_operator.fetcher.progress import ResetReason

WHOLE_SECONDS: Final = 2.0
"""INTERNALDATE knows no finer, and server and fetcher may round differently."""
UNDELIVERED_SECONDS: Final = 86_400.0


def why_anew(known: ImapLedger, selected: Selected) -> ResetReason | None:
    """Say why what is remembered of a folder does not hold for what the server now shows of it. None: it does.

    RFC 9051 section 2.3.1.1 forbids to give a UID twice. A server that was restored from a backup does it.
    """
    if known.uidvalidity != selected.uidvalidity:
        return ResetReason.RENUMBERED
    return ResetReason.WENT_BACK if selected.names_uidnext and selected.uidnext <= known.reached else None


def known_ledger(pipeline: Pipeline, folder: str) -> ImapLedger | None:
    """Return what is remembered of a folder."""
    known = pipeline.checkpoint.folders.get(folder)
    return known if isinstance(known, ImapLedger) else None


def adopt_folder(pipeline: Pipeline, folder: str, selected: Selected) -> ImapLedger:
    """Return the ledger of a folder as the server now shows it, ready for a new session."""
    known = known_ledger(pipeline, folder)
    reason = why_anew(known, selected) if known else None
    if known and not reason:
        known.begin_session(held=pipeline.held(folder, known.uidvalidity))
        return _instruct(known, pipeline.fetch)
    ledger = begin_ledger(
        uidvalidity=selected.uidvalidity,
        uidnext=selected.uidnext,
        since_seconds=pipeline.fetch.since_seconds,
        now=pipeline.clock(),
        known_until=_known_until(pipeline, is_new=known is None),
    )
    if reason:
        pipeline.begin_again(folder, ledger, reason=reason)
    else:
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
