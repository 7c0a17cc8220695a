"""The ids of fetching. A UID and a sequence number are both ints, and mixing them loses mail."""

from typing import NewType

Uid = NewType("Uid", int)
"""Names a message within a folder and its UIDVALIDITY (RFC 9051 section 2.3.1.1)."""
UidValidity = NewType("UidValidity", int)
"""Changes when a folder's UIDs mean something else."""
MessageId = int | str
"""What its source names a message by within a folder: a Uid, or a string that never means another message."""


def uid_of(message_id: MessageId) -> Uid:
    """Return the UID that an IMAP message is named by."""
    assert isinstance(message_id, int)  # noqa: S101 - nothing but IMAP's ledger and session ask for it
    return Uid(message_id)
