"""What a fetcher remembers of one folder: which messages are done with, and what is still to be done on the server.

How that is remembered is the source's own affair: UIDs in order for IMAP, a set where ids have no order. `read_ledger`
is the one place that knows all kinds.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from mailbox_operator.fetcher.ids import MessageId, UidValidity


class Ledger(Protocol):
    """Keeps a folder's messages apart: done with, announced and not settled (`pending`), or not known yet.

    It must never forget that a message is done with while the server still has it, nor say so of one that was not
    settled. `to_data` holds what is settled and nothing else, so that a process that was killed begins there.
    """

    @property
    def uidvalidity(self) -> UidValidity | None:
        """What the folder's ids hold for; None where an id never means another message."""

    @property
    def pending(self) -> int:
        """How many announced messages are not settled."""

    def settle(self, *message_ids: MessageId) -> None:
        """Say that messages are done with. Saying it twice changes nothing."""

    def reopen(self, message_ids: Iterable[MessageId]) -> None:
        """Have messages handed over once more that are done with: pending from now on, and fetched by the next session."""

    def follow_up(self, message_id: MessageId, *, now: float) -> None:
        """Note that a message was handed over at `now` (since the epoch): what `afterFetch` asks for is due."""

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it, with `kind`, which `read_ledger` goes by."""


def read_ledger(data: dict[str, Any]) -> Ledger:
    """Return the ledger that `to_data` wrote. Raises KeyError, TypeError, ValueError."""
    match data["kind"]:
        case "imap":
            from mailbox_operator.fetcher.imap.ledger import ImapLedger  # noqa: PLC0415 - each pays for its own

            return ImapLedger.from_data(data)
        case "ews":
            from mailbox_operator.fetcher.ews.ledger import EwsLedger  # noqa: PLC0415 - the same

            return EwsLedger.from_data(data)
        case "pop3":
            from mailbox_operator.fetcher.pop3.ledger import Pop3Ledger  # noqa: PLC0415

            return Pop3Ledger.from_data(data)
        case kind:
            raise ValueError(f"a ledger of kind {kind!r} is not known")
